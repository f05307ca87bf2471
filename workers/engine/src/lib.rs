//! The built-in recogniser's own process: Whisper through CTranslate2. `earmark_asr::local` starts it and asks it.
//!
//! ```text
//! serve        the program `earmark-engine`: batches of clips come over a socket, texts go back
//! recognise    a batch to its texts: detect, decode, doubt, decode once more
//! |-- judge           what of a decoded text is believed
//! |-- language        which language a clip is taken to be in
//! |-- short_clip      what is done differently for a word or two
//! |-- prompt          what the decoder is told beforehand
//! |-- timing          tokens to text with times
//! model        a clip's windows, its encoding, the decoder's tokens for it
//! |-- mel             sound to log-mel windows
//! |-- simplified_chinese   the tokens that Mandarin does without
//! |-- whisper         CTranslate2, the C++ (`whisper.cc`) behind plain types
//! vocabulary   text to tokens, tokens to characters
//! |-- bpe             byte pair encoding of prompts
//! |-- tokenizer_file  the model's `tokenizer.json`
//! ```

mod bpe;
mod judge;
mod language;
mod mel;
mod model;
mod prompt;
mod recognise;
mod serve;
mod short_clip;
mod simplified_chinese;
mod timing;
mod tokenizer_file;
mod vocabulary;
mod whisper;

pub use serve::serve;
