//! Utterances that are one sentence, cut in several.

use earmark_core::{TimePrecision, Utterance};

/// Utterances of one speaker with less between them are one sentence that was cut in two.
const JOIN_MS: u64 = 600;

/// The same where times are only guessed from how long the speech is: the guess parts a text at a pause, between two
/// characters if there is no punctuation, and so perhaps within a word. Longer pauses than this end a sentence.
const GUESSED_JOIN_MS: u64 = 10_000;

/// Where a guess parts a text there, it is right.
const ENDS_OF_SENTENCES: [char; 7] = ['.', '!', '?', '。', '！', '？', '…'];

/// Utterances (by index) that belong together: of one channel and speaker, one right behind the other.
pub(super) fn sentences(utterances: &[Utterance]) -> Vec<Vec<usize>> {
    let mut sentences: Vec<Vec<usize>> = Vec::new();
    let mut last_of: Vec<(u16, usize)> = Vec::new();
    for (number, utterance) in utterances.iter().enumerate() {
        let open = last_of.iter_mut().find(|(channel, _)| *channel == utterance.channel);
        if let Some((_, sentence)) = &open {
            let members = &mut sentences[*sentence];
            let before = members.last().map(|&member| &utterances[member]);
            let goes_on = before.is_some_and(|before| {
                let is_guessed = |utterance: &Utterance| utterance.time_precision == TimePrecision::Estimated;
                let is_torn = is_guessed(before) && is_guessed(utterance) && !before.text.ends_with(ENDS_OF_SENTENCES);
                let longest = if is_torn { GUESSED_JOIN_MS } else { JOIN_MS };
                before.speaker == utterance.speaker && utterance.start_ms.saturating_sub(before.end_ms) < longest
            });
            if goes_on {
                members.push(number);
                continue;
            }
        }
        sentences.push(vec![number]);
        match open {
            Some((_, sentence)) => *sentence = sentences.len() - 1,
            None => last_of.push((utterance.channel, sentences.len() - 1)),
        }
    }
    sentences
}
