//! Which language a clip is taken to be in.

/// A language other than the likely one must have this share of the candidates' probability to be believed: a
/// short clip's best guess is wrong often enough, and a change of language within a recording is rare.
const SHARE_AGAINST_LIKELY: f32 = 0.8;
/// Where the candidates together have less than this, the detector hears something else altogether and says
/// nothing about them.
const LEAST_MASS: f32 = 0.02;

/// The language out of `candidates` (all when empty) that a clip is in, from the detector's `probabilities`.
/// `likely`, the language of the speech around it, is taken when in doubt. `None` only when there is nothing to
/// choose from.
pub(crate) fn choose(probabilities: &[(String, f32)], candidates: &[String], likely: Option<&str>) -> Option<String> {
    let possible: Vec<&(String, f32)> =
        probabilities.iter().filter(|(language, _)| candidates.is_empty() || candidates.contains(language)).collect();
    let mass: f32 = possible.iter().map(|(_, probability)| probability).sum();
    let best = possible.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let Some(likely) = likely.filter(|likely| possible.iter().any(|(language, _)| language == likely)) else {
        return Some(best.0.clone());
    };
    let is_sure = mass >= LEAST_MASS && best.1 / mass >= SHARE_AGAINST_LIKELY;
    Some(if is_sure { best.0.clone() } else { likely.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn a_clip_is_in_its_best_language_unless_that_leaves_doubt_and_another_is_likely() {
        let heard =
            |zh: f32, en: f32, ja: f32| vec![("zh".to_owned(), zh), ("en".to_owned(), en), ("ja".to_owned(), ja)];
        let cases: [(_, &[&str], _, _); 9] = [
            (heard(0.9, 0.05, 0.0), &["zh", "en"], None, "zh"),
            (heard(0.3, 0.1, 0.6), &["zh", "en"], None, "zh"),
            (heard(0.3, 0.1, 0.6), &[], None, "ja"),
            (heard(0.45, 0.55, 0.0), &["zh", "en"], None, "en"),
            (heard(0.45, 0.55, 0.0), &["zh", "en"], Some("zh"), "zh"),
            (heard(0.05, 0.90, 0.0), &["zh", "en"], Some("zh"), "en"),
            (heard(0.001, 0.01, 0.9), &["zh", "en"], Some("zh"), "zh"),
            (heard(0.1, 0.5, 0.4), &["zh", "en"], Some("ja"), "en"),
            (heard(0.0, 0.0, 0.0), &["zh", "en"], Some("en"), "en"),
        ];
        for (probabilities, candidates, likely, expected) in cases {
            let candidates: Vec<String> = candidates.iter().map(|&language| language.to_owned()).collect();
            assert_eq!(
                choose(&probabilities, &candidates, likely).as_deref(),
                Some(expected),
                "{probabilities:?} {candidates:?} {likely:?}"
            );
        }
        assert_eq!(choose(&[], &[], Some("zh")), None);
    }
}
