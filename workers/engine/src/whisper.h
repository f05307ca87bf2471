// CTranslate2's Whisper behind a flat interface: numbers and texts in, numbers and texts out through callbacks.
//
// Every function that can fail answers 0 when it did its work; else it has called `fail` with what is wrong. Nothing
// that C++ throws gets past them.

#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct EarmarkWhisper;
struct EarmarkEncoded;

// A text of so many bytes in UTF-8, valid during the call.
using EarmarkText = void (*)(void* to, const char* text, size_t bytes);
// Of one clip: a language's mark and its probability.
using EarmarkLanguage = void (*)(void* to, size_t clip, const char* mark, size_t bytes, float probability);
// Of one clip: its tokens, the sum of their log-probabilities over their number, the probability that nobody speaks.
using EarmarkDecoded = void (*)(void* to, size_t clip, const size_t* tokens, size_t count, float score, float no_speech);
// Of one clip: a step of the path through its tokens and the encoder's frames.
using EarmarkStep = void (*)(void* to, size_t clip, int64_t token, int64_t frame);

// Loads the folder's weights once, for `threads` that compute with them at the same time.
int earmark_whisper_load(const char* folder, size_t threads, bool is_float, EarmarkWhisper** loaded, EarmarkText fail,
                         void* to);
void earmark_whisper_free(EarmarkWhisper* whisper);
bool earmark_whisper_is_multilingual(const EarmarkWhisper* whisper);
size_t earmark_whisper_bands(const EarmarkWhisper* whisper);

// `windows` has clips x bands x frames values.
int earmark_whisper_encode(EarmarkWhisper* whisper, size_t thread, float* windows, size_t clips, size_t frames,
                           EarmarkEncoded** encoded, EarmarkText fail, void* to);
void earmark_encoded_free(EarmarkEncoded* encoded);

int earmark_whisper_languages(EarmarkWhisper* whisper, size_t thread, const EarmarkEncoded* encoded,
                              EarmarkLanguage found, EarmarkText fail, void* to);

// `prompts` are the tokens of all clips behind one another, `lengths` how many are whose; `suppressed` are never given.
int earmark_whisper_generate(EarmarkWhisper* whisper, size_t thread, const EarmarkEncoded* encoded,
                             const size_t* prompts, const size_t* lengths, size_t clips, const int* suppressed,
                             size_t suppressed_count, size_t beam, size_t no_repeat_ngram, size_t most_tokens,
                             EarmarkDecoded decoded, EarmarkText fail, void* to);

// `tokens` as the prompts of `generate`; `frames` is the length of each clip in frames of the input (10 ms).
int earmark_whisper_align(EarmarkWhisper* whisper, size_t thread, const EarmarkEncoded* encoded, const size_t* start,
                          size_t start_count, const size_t* tokens, const size_t* lengths, const size_t* frames,
                          size_t clips, int64_t median_filter, EarmarkStep step, EarmarkText fail, void* to);
}
