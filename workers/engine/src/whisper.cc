#include "whisper.h"

#include <ctranslate2/models/whisper.h>

#include <cmath>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace ct2 = ctranslate2;

// A pool for each thread that computes, all on the same weights: the library's own way to several replicas on one
// device, but it is known which thread has which. (A device named twice copies weights that are already packed for the
// processor, which some processors do not survive.)
struct EarmarkWhisper {
    std::vector<std::unique_ptr<ct2::models::Whisper>> replicas;
};

struct EarmarkEncoded {
    ct2::StorageView output;
};

namespace {

// Does `work` and tells what it throws.
template <typename Work>
int telling(EarmarkText fail, void* to, Work work) {
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        // No copy: it may be memory that is short.
        fail(to, error.what(), std::strlen(error.what()));
    } catch (...) {
        constexpr char what[] = "something that is no error was thrown";
        fail(to, what, sizeof what - 1);
    }
    return 1;
}

std::vector<std::vector<size_t>> split(const size_t* values, const size_t* lengths, size_t count) {
    std::vector<std::vector<size_t>> parts;
    parts.reserve(count);
    for (size_t at = 0; at < count; ++at) {
        parts.emplace_back(values, values + lengths[at]);
        values += lengths[at];
    }
    return parts;
}

}  // namespace

int earmark_whisper_load(const char* folder, size_t threads, bool is_float, EarmarkWhisper** loaded, EarmarkText fail,
                         void* to) {
    return telling(fail, to, [&] {
        ct2::models::ModelLoader loader{std::string(folder)};
        loader.device = ct2::Device::CPU;
        loader.compute_type = is_float ? ct2::ComputeType::FLOAT32 : ct2::ComputeType::INT8;
        const auto weights = loader.load();
        ct2::ReplicaPoolConfig config;
        config.num_threads_per_replica = 1;
        auto whisper = std::make_unique<EarmarkWhisper>();
        for (size_t thread = 0; thread < threads; ++thread)
            whisper->replicas.push_back(std::make_unique<ct2::models::Whisper>(weights.at(0), config));
        *loaded = whisper.release();
    });
}

void earmark_whisper_free(EarmarkWhisper* whisper) {
    delete whisper;
}

bool earmark_whisper_is_multilingual(const EarmarkWhisper* whisper) {
    return whisper->replicas.at(0)->is_multilingual();
}

size_t earmark_whisper_bands(const EarmarkWhisper* whisper) {
    return whisper->replicas.at(0)->n_mels();
}

int earmark_whisper_encode(EarmarkWhisper* whisper, size_t thread, float* windows, size_t clips, size_t frames,
                           EarmarkEncoded** encoded, EarmarkText fail, void* to) {
    return telling(fail, to, [&] {
        auto& replica = *whisper->replicas.at(thread);
        const auto size = [](size_t value) { return static_cast<ct2::dim_t>(value); };
        const ct2::StorageView features({size(clips), size(replica.n_mels()), size(frames)}, windows);
        auto output = replica.encode(features, /*to_cpu=*/false).get();
        *encoded = new EarmarkEncoded{std::move(output)};
    });
}

void earmark_encoded_free(EarmarkEncoded* encoded) {
    delete encoded;
}

int earmark_whisper_languages(EarmarkWhisper* whisper, size_t thread, const EarmarkEncoded* encoded,
                              EarmarkLanguage found, EarmarkText fail, void* to) {
    return telling(fail, to, [&] {
        auto clips = whisper->replicas.at(thread)->detect_language(encoded->output);
        for (size_t clip = 0; clip < clips.size(); ++clip)
            for (const auto& [mark, probability] : clips[clip].get())
                found(to, clip, mark.data(), mark.size(), probability);
    });
}

int earmark_whisper_generate(EarmarkWhisper* whisper, size_t thread, const EarmarkEncoded* encoded,
                             const size_t* prompts, const size_t* lengths, size_t clips, const int* suppressed,
                             size_t suppressed_count, size_t beam, size_t no_repeat_ngram, size_t most_tokens,
                             EarmarkDecoded decoded, EarmarkText fail, void* to) {
    return telling(fail, to, [&] {
        ct2::models::WhisperOptions options;
        options.beam_size = beam;
        options.no_repeat_ngram_size = no_repeat_ngram;
        options.max_length = most_tokens;
        options.return_scores = true;
        options.return_no_speech_prob = true;
        options.suppress_tokens.assign(suppressed, suppressed + suppressed_count);
        auto answers =
            whisper->replicas.at(thread)->generate(encoded->output, split(prompts, lengths, clips), options);
        for (size_t clip = 0; clip < answers.size(); ++clip) {
            const auto answer = answers[clip].get();
            const std::vector<size_t> nothing;
            const auto& tokens = answer.sequences_ids.empty() ? nothing : answer.sequences_ids.front();
            const float score = answer.scores.empty() ? -INFINITY : answer.scores.front();
            decoded(to, clip, tokens.data(), tokens.size(), score, answer.no_speech_prob);
        }
    });
}

int earmark_whisper_align(EarmarkWhisper* whisper, size_t thread, const EarmarkEncoded* encoded, const size_t* start,
                          size_t start_count, const size_t* tokens, const size_t* lengths, const size_t* frames,
                          size_t clips, int64_t median_filter, EarmarkStep step, EarmarkText fail, void* to) {
    return telling(fail, to, [&] {
        auto answers = whisper->replicas.at(thread)->align(
            encoded->output, std::vector<size_t>(start, start + start_count), split(tokens, lengths, clips),
            std::vector<size_t>(frames, frames + clips), median_filter);
        for (size_t clip = 0; clip < answers.size(); ++clip)
            for (const auto& [token, frame] : answers[clip].get().alignments)
                step(to, clip, token, frame);
    });
}
