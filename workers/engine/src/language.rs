//! Which language a clip is taken to be in, and whether it sounds like none of those it may be in.

use earmark_core::OtherLanguage;

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

/// Where the candidates together have less than this, a clip may be in another language. Of 135 clips of two seconds and
/// more in Mandarin and English, at 8 and 16 kHz, none had less than .72; of the same in ten others hardly any had more
/// than .3.
const DOUBTFUL: f32 = 0.5;
/// Below this the detector is not asked twice: of a word or two it gives Mandarin and English next to nothing at times.
pub(crate) const ASKED_TWICE_MS: u64 = 2000;
/// How fast a clip is played when it is asked again. High and fast voices over the telephone are not told from one another;
/// lower and slower, they are.
const SLOWED: f32 = 0.85;
/// Latin: nobody speaks it, but the detector gives it for what it cannot tell.
const NOBODYS: &str = "la";

/// What a clip sounds like that may be in none of `candidates`; `None` where it may well be in one, or in any.
pub(crate) fn other(probabilities: &[(String, f32)], candidates: &[String]) -> Option<OtherLanguage> {
    if candidates.is_empty() || probabilities.is_empty() {
        return None;
    }
    let (own, others): (Vec<_>, Vec<_>) = probabilities.iter().partition(|(language, _)| candidates.contains(language));
    let mass: f32 = own.iter().map(|(_, probability)| probability).sum();
    let best = others.iter().filter(|(language, _)| language != NOBODYS).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let other = OtherLanguage { language: best.0.clone(), probability: best.1, candidates: mass };
    (mass < DOUBTFUL).then_some(other)
}

/// The mean of two answers of the detector.
pub(crate) fn mean(first: &[(String, f32)], second: &[(String, f32)]) -> Vec<(String, f32)> {
    let of = |language: &str| {
        second.iter().find(|(other, _)| other == language).map_or(0.0, |(_, probability)| *probability)
    };
    first.iter().map(|(language, probability)| (language.clone(), f32::midpoint(*probability, of(language)))).collect()
}

/// The clip as it sounds when it is played slower, and as much lower.
pub(crate) fn slowed(samples: &[f32]) -> Vec<f32> {
    let mut slowed = Vec::new();
    let (mut at, mut part) = (0, 0.0_f32);
    while let [sample, next, ..] = samples.get(at..).unwrap_or_default() {
        slowed.push(sample + (next - sample) * part);
        part += SLOWED;
        if part >= 1.0 {
            part -= 1.0;
            at += 1;
        }
    }
    slowed
}

#[cfg(test)]
mod tests {
    use super::{choose, mean, other, slowed};

    #[test]
    fn a_clip_sounds_like_another_language_where_those_allowed_have_little_and_latin_is_never_named() {
        let heard = |of: &[(&str, f32)]| -> Vec<(String, f32)> {
            of.iter().map(|(language, probability)| ((*language).to_owned(), *probability)).collect()
        };
        let candidates = ["zh".to_owned(), "en".to_owned()];
        let named = |of: &[(&str, f32)]| other(&heard(of), &candidates).map(|other| other.language);
        assert_eq!(named(&[("zh", 0.9), ("en", 0.0), ("fr", 0.1)]), None);
        assert_eq!(named(&[("zh", 0.3), ("en", 0.3), ("fr", 0.4)]), None);
        assert_eq!(named(&[("zh", 0.0), ("en", 0.1), ("fr", 0.2), ("la", 0.6)]).as_deref(), Some("fr"));
        assert_eq!(other(&heard(&[("fr", 0.9)]), &[]), None);
        let both = mean(&heard(&[("fr", 0.1), ("la", 0.7)]), &heard(&[("la", 0.1), ("fr", 0.8)]));
        assert!((both[0].1 - 0.45).abs() < 1e-6 && (both[1].1 - 0.4).abs() < 1e-6, "{both:?}");
    }

    #[test]
    fn a_slowed_clip_is_longer_and_keeps_its_shape() {
        let ramp: Vec<f32> = (0..=1700_u16).map(f32::from).collect();
        let slow = slowed(&ramp);
        assert_eq!(slow.len(), 2000);
        assert!((slow[1000] - 850.0).abs() < 0.1, "{}", slow[1000]);
        assert!(slowed(&[1.0]).is_empty());
    }

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
