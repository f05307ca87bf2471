//! The built-in recogniser's own process: Whisper through CTranslate2.
//!
//! [`serve`] is the program `earmark-engine`, which `earmark_asr::local` starts and asks. A batch of clips goes to
//! `recognise`: log-mel windows (`mel`), the encoder and decoder (`model`, on `whisper`, the C++ behind plain types), the
//! language (`language`), what is said to the decoder beforehand (`prompt`, `script`), and tokens to text and times
//! (`vocabulary`, `tokenizer_file`, `bpe`, `timing`).

mod bpe;
mod language;
mod mel;
mod model;
mod prompt;
mod recognise;
mod script;
mod serve;
mod timing;
mod tokenizer_file;
mod vocabulary;
mod whisper;

pub use serve::serve;
