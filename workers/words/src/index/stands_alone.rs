//! Whether a stretch of Chinese stands by itself among its neighbours, as far as single characters tell.

use crate::folding::passage::{Joint, Passage};

/// Characters that begin and end other people's words far more seldom than they stand by themselves: pronouns,
/// particles, prepositions and the commonest verbs. What stands between two of these is likely to be a word.
const FUNCTION: &str = "我你您他她它咱们的了吗呢吧呀啊嘛么把被就都也还又再给跟和与在从向对让请要想会能可以是有没不别去来上下说看用把这那哪谁";

/// Whether a word may begin at `start` of `passage` and end before `end`.
pub(crate) fn stands_alone(passage: &Passage, start: usize, end: usize) -> bool {
    let is_edge = |joint: Joint, neighbour: Option<usize>| {
        joint == Joint::Pause
            || neighbour.is_none_or(|at| passage.is_letter(at) || FUNCTION.contains(passage.chars[at]))
    };
    is_edge(passage.joint(start), start.checked_sub(1)) && is_edge(passage.joint(end), Some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_alone_between_edges_letters_and_function_characters() {
        for (text, is_alone) in [
            ("加威信", true),
            ("您加威信吧", true),
            ("好，加威信。好", true),
            ("A加威信B", true),
            ("增加威信", false),
            ("加威信力", false),
        ] {
            let passage = Passage::of(text);
            let start = passage.chars.iter().position(|c| *c == '加').unwrap();
            assert_eq!(stands_alone(&passage, start, start + 3), is_alone, "{text}");
        }
    }
}
