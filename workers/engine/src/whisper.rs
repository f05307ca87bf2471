//! CTranslate2's Whisper as plain types. All unsafe code of the engine is here: what `whisper.h` declares.

#![allow(unsafe_code, reason = "calls into C++")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

/// The weights, loaded once, and what each thread needs to compute with them.
pub(crate) struct Whisper {
    raw: NonNull<RawWhisper>,
    threads: usize,
}

/// What the encoder made of a batch of clips.
pub(crate) struct Encoded {
    raw: NonNull<RawEncoded>,
    clips: usize,
}

/// What the decoder made of one clip.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    /// Text and timestamp tokens.
    pub(crate) ids: Vec<usize>,
    /// Mean log-probability over the tokens, the end's in the sum and not in the number.
    pub(crate) score: f32,
    /// Probability that nobody speaks, 0 to 1.
    pub(crate) no_speech: f32,
}

/// How the decoder goes.
pub(crate) struct Search<'a> {
    /// Hypotheses followed at once.
    pub(crate) beam: usize,
    /// No sequence of so many tokens twice; 0 for no such rule.
    pub(crate) no_repeat_ngram: usize,
    /// The decoder's places.
    pub(crate) most_tokens: usize,
    /// Tokens that are never given; -1 stands for those that the model's configuration names.
    pub(crate) suppressed: &'a [i32],
}

#[repr(C)]
struct RawWhisper {
    opaque: [u8; 0],
}

#[repr(C)]
struct RawEncoded {
    opaque: [u8; 0],
}

type OnText = unsafe extern "C" fn(*mut c_void, *const c_char, usize);
type OnLanguage = unsafe extern "C" fn(*mut c_void, usize, *const c_char, usize, f32);
type OnDecoded = unsafe extern "C" fn(*mut c_void, usize, *const usize, usize, f32, f32);
type OnStep = unsafe extern "C" fn(*mut c_void, usize, i64, i64);

unsafe extern "C" {
    fn earmark_whisper_load(
        folder: *const c_char,
        threads: usize,
        is_float: bool,
        loaded: *mut *mut RawWhisper,
        fail: OnText,
        to: *mut c_void,
    ) -> c_int;
    fn earmark_whisper_free(whisper: *mut RawWhisper);
    fn earmark_whisper_is_multilingual(whisper: *const RawWhisper) -> bool;
    fn earmark_whisper_bands(whisper: *const RawWhisper) -> usize;
    fn earmark_whisper_encode(
        whisper: *mut RawWhisper,
        thread: usize,
        windows: *mut f32,
        clips: usize,
        frames: usize,
        encoded: *mut *mut RawEncoded,
        fail: OnText,
        to: *mut c_void,
    ) -> c_int;
    fn earmark_encoded_free(encoded: *mut RawEncoded);
    fn earmark_whisper_languages(
        whisper: *mut RawWhisper,
        thread: usize,
        encoded: *const RawEncoded,
        found: OnLanguage,
        fail: OnText,
        to: *mut c_void,
    ) -> c_int;
    fn earmark_whisper_generate(
        whisper: *mut RawWhisper,
        thread: usize,
        encoded: *const RawEncoded,
        prompts: *const usize,
        lengths: *const usize,
        clips: usize,
        suppressed: *const c_int,
        suppressed_count: usize,
        beam: usize,
        no_repeat_ngram: usize,
        most_tokens: usize,
        decoded: OnDecoded,
        fail: OnText,
        to: *mut c_void,
    ) -> c_int;
    fn earmark_whisper_align(
        whisper: *mut RawWhisper,
        thread: usize,
        encoded: *const RawEncoded,
        start: *const usize,
        start_count: usize,
        tokens: *const usize,
        lengths: *const usize,
        frames: *const usize,
        clips: usize,
        median_filter: i64,
        step: OnStep,
        fail: OnText,
        to: *mut c_void,
    ) -> c_int;
}

/// Where callbacks put what they are told.
struct Told<T> {
    found: T,
    failure: String,
}

impl<T> Told<T> {
    fn new(found: T) -> Self {
        Self { found, failure: String::new() }
    }

    fn to(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }

    fn result(self, code: c_int) -> Result<T, String> {
        if code == 0 { Ok(self.found) } else { Err(self.failure) }
    }
}

// SAFETY: the pools take work from any thread, and each has a queue with a lock of its own.
unsafe impl Send for Whisper {}
// SAFETY: as above; nothing else is changed after loading.
unsafe impl Sync for Whisper {}
// SAFETY: a tensor of its own, which no thread keeps a hold of.
unsafe impl Send for Encoded {}

impl Whisper {
    /// Loads a CTranslate2 Whisper folder for `threads` (at least one) that compute with it at the same time, in
    /// floating point or in 8-bit integers.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn load(folder: &Path, threads: usize, is_float: bool) -> Result<Self, String> {
        let folder = CString::new(folder.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        let mut raw = ptr::null_mut();
        let mut told = Told::new(());
        // SAFETY: the folder ends in a zero; `raw` and `told` outlive the call; `told` is what `failed::<()>` expects.
        let code =
            unsafe { earmark_whisper_load(folder.as_ptr(), threads, is_float, &raw mut raw, failed::<()>, told.to()) };
        told.result(code)?;
        let raw = NonNull::new(raw).ok_or("the library gave no model")?;
        Ok(Self { raw, threads })
    }

    /// Whether it knows more than English.
    pub(crate) fn is_multilingual(&self) -> bool {
        // SAFETY: loaded, and not freed before `self` is dropped; so everywhere below.
        unsafe { earmark_whisper_is_multilingual(self.raw.as_ptr()) }
    }

    /// Bands of the spectrogram that it wants.
    pub(crate) fn bands(&self) -> usize {
        // SAFETY: as above.
        unsafe { earmark_whisper_bands(self.raw.as_ptr()) }
    }

    /// Listens to `clips` windows, `clips × bands × frames` values.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn encode(
        &self,
        thread: usize,
        windows: &mut [f32],
        clips: usize,
        frames: usize,
    ) -> Result<Encoded, String> {
        assert!(thread < self.threads, "there is no thread {thread} of {}", self.threads);
        assert_eq!(windows.len(), clips * self.bands() * frames, "a window has bands × frames values");
        let mut raw = ptr::null_mut();
        let mut told = Told::new(());
        // SAFETY: as many values as are announced, asserted above; the library copies nothing beyond the call.
        let code = unsafe {
            let (whisper, fail) = (self.raw.as_ptr(), failed::<()>);
            earmark_whisper_encode(whisper, thread, windows.as_mut_ptr(), clips, frames, &raw mut raw, fail, told.to())
        };
        told.result(code)?;
        let raw = NonNull::new(raw).ok_or("the encoder gave no output")?;
        Ok(Encoded { raw, clips })
    }

    /// For each clip the marks of the languages (`<|zh|>`) and their probabilities.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn languages(&self, thread: usize, encoded: &Encoded) -> Result<Vec<Vec<(String, f32)>>, String> {
        let mut told = Told::new(vec![Vec::new(); encoded.clips]);
        // SAFETY: `told` is what both callbacks expect.
        let code = unsafe {
            let (whisper, fail) = (self.raw.as_ptr(), failed::<Vec<Vec<(String, f32)>>>);
            earmark_whisper_languages(whisper, thread, encoded.raw.as_ptr(), on_language, fail, told.to())
        };
        told.result(code)
    }

    /// Writes down what was said in each clip behind its prompt, all prompts of one length.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn generate(
        &self,
        thread: usize,
        encoded: &Encoded,
        prompts: &[Vec<usize>],
        search: &Search<'_>,
    ) -> Result<Vec<Tokens>, String> {
        assert_eq!(prompts.len(), encoded.clips, "a prompt for each clip");
        let lengths: Vec<usize> = prompts.iter().map(Vec::len).collect();
        let prompts = prompts.concat();
        let mut told = Told::new(vec![Tokens::default(); encoded.clips]);
        // SAFETY: as many lengths as clips, asserted above, and as many tokens as they add up to.
        let code = unsafe {
            earmark_whisper_generate(
                self.raw.as_ptr(),
                thread,
                encoded.raw.as_ptr(),
                prompts.as_ptr(),
                lengths.as_ptr(),
                lengths.len(),
                search.suppressed.as_ptr(),
                search.suppressed.len(),
                search.beam,
                search.no_repeat_ngram,
                search.most_tokens,
                on_decoded,
                failed::<Vec<Tokens>>,
                told.to(),
            )
        };
        told.result(code)
    }

    /// For each clip the path through its `tokens` and the encoder's frames (20 ms), as pairs. `start` are the marks that
    /// the text came behind, `frames` the clips' lengths in frames of 10 ms, `median_filter` the frames that the
    /// alignment is smoothed over.
    ///
    /// # Errors
    /// What the library says.
    pub(crate) fn align(
        &self,
        thread: usize,
        encoded: &Encoded,
        start: &[usize],
        tokens: &[Vec<usize>],
        frames: &[usize],
        median_filter: i64,
    ) -> Result<Vec<Vec<(i64, i64)>>, String> {
        assert!(tokens.len() == encoded.clips && frames.len() == encoded.clips, "tokens and a length for each clip");
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let tokens = tokens.concat();
        let mut told = Told::new(vec![Vec::new(); encoded.clips]);
        // SAFETY: as many lengths and frames as clips, asserted above, and as many tokens as the lengths add up to.
        let code = unsafe {
            earmark_whisper_align(
                self.raw.as_ptr(),
                thread,
                encoded.raw.as_ptr(),
                start.as_ptr(),
                start.len(),
                tokens.as_ptr(),
                lengths.as_ptr(),
                frames.as_ptr(),
                lengths.len(),
                median_filter,
                on_step,
                failed::<Vec<Vec<(i64, i64)>>>,
                told.to(),
            )
        };
        told.result(code)
    }
}

impl Drop for Whisper {
    fn drop(&mut self) {
        // SAFETY: freed once, here.
        unsafe { earmark_whisper_free(self.raw.as_ptr()) }
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        // SAFETY: freed once, here.
        unsafe { earmark_encoded_free(self.raw.as_ptr()) }
    }
}

/// # Safety
/// `to` is a [`Told<T>`], `text` has so many bytes.
unsafe extern "C" fn failed<T>(to: *mut c_void, text: *const c_char, bytes: usize) {
    // SAFETY: the caller's promise.
    let (told, text) = unsafe { (&mut *to.cast::<Told<T>>(), std::slice::from_raw_parts(text.cast::<u8>(), bytes)) };
    told.failure = String::from_utf8_lossy(text).into_owned();
}

/// # Safety
/// `to` is what `languages` gave, `mark` has so many bytes.
unsafe extern "C" fn on_language(to: *mut c_void, clip: usize, mark: *const c_char, bytes: usize, probability: f32) {
    // SAFETY: the caller's promise.
    let (told, mark) = unsafe {
        (&mut *to.cast::<Told<Vec<Vec<(String, f32)>>>>(), std::slice::from_raw_parts(mark.cast::<u8>(), bytes))
    };
    if let Some(found) = told.found.get_mut(clip) {
        found.push((String::from_utf8_lossy(mark).into_owned(), probability));
    }
}

/// # Safety
/// `to` is what `generate` gave, `tokens` has `count` values, or none where `count` is 0.
unsafe extern "C" fn on_decoded(
    to: *mut c_void,
    clip: usize,
    tokens: *const usize,
    count: usize,
    score: f32,
    no_speech: f32,
) {
    // SAFETY: the caller's promise.
    let told = unsafe { &mut *to.cast::<Told<Vec<Tokens>>>() };
    let ids = if count == 0 {
        Vec::new()
    } else {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(tokens, count) }.to_vec()
    };
    if let Some(decoded) = told.found.get_mut(clip) {
        *decoded = Tokens { ids, score, no_speech };
    }
}

/// # Safety
/// `to` is what `align` gave.
unsafe extern "C" fn on_step(to: *mut c_void, clip: usize, token: i64, frame: i64) {
    // SAFETY: the caller's promise.
    let told = unsafe { &mut *to.cast::<Told<Vec<Vec<(i64, i64)>>>>() };
    if let Some(path) = told.found.get_mut(clip) {
        path.push((token, frame));
    }
}
