//! The engine built in: Whisper through CTranslate2.
