//! Codecs by the names ffmpeg gives them, which are the names reports use.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codecs;

/// As ffmpeg calls it.
pub(super) fn codec_name(codec: AudioCodecId) -> &'static str {
    NAMES.iter().find(|(id, _)| *id == codec).map_or("an unknown codec", |(_, name)| name)
}

const NAMES: [(AudioCodecId, &str); 30] = [
    (codecs::CODEC_ID_MP3, "mp3"),
    (codecs::CODEC_ID_MP2, "mp2"),
    (codecs::CODEC_ID_MP1, "mp1"),
    (codecs::CODEC_ID_AAC, "aac"),
    (codecs::CODEC_ID_ALAC, "alac"),
    (codecs::CODEC_ID_FLAC, "flac"),
    (codecs::CODEC_ID_OPUS, "opus"),
    (codecs::CODEC_ID_VORBIS, "vorbis"),
    (codecs::CODEC_ID_SPEEX, "speex"),
    (codecs::CODEC_ID_ADPCM_MS, "adpcm_ms"),
    (codecs::CODEC_ID_ADPCM_IMA_WAV, "adpcm_ima_wav"),
    (codecs::CODEC_ID_ADPCM_IMA_QT, "adpcm_ima_qt"),
    (codecs::CODEC_ID_PCM_ALAW, "pcm_alaw"),
    (codecs::CODEC_ID_PCM_MULAW, "pcm_mulaw"),
    (codecs::CODEC_ID_PCM_U8, "pcm_u8"),
    (codecs::CODEC_ID_PCM_S8, "pcm_s8"),
    (codecs::CODEC_ID_PCM_S16LE, "pcm_s16le"),
    (codecs::CODEC_ID_PCM_S16BE, "pcm_s16be"),
    (codecs::CODEC_ID_PCM_S24LE, "pcm_s24le"),
    (codecs::CODEC_ID_PCM_S24BE, "pcm_s24be"),
    (codecs::CODEC_ID_PCM_S32LE, "pcm_s32le"),
    (codecs::CODEC_ID_PCM_S32BE, "pcm_s32be"),
    (codecs::CODEC_ID_PCM_F32LE, "pcm_f32le"),
    (codecs::CODEC_ID_PCM_F32BE, "pcm_f32be"),
    (codecs::CODEC_ID_PCM_F64LE, "pcm_f64le"),
    (codecs::CODEC_ID_PCM_F64BE, "pcm_f64be"),
    (codecs::CODEC_ID_AC3, "ac3"),
    (codecs::CODEC_ID_EAC3, "eac3"),
    (codecs::CODEC_ID_DCA, "dts"),
    (codecs::CODEC_ID_WAVPACK, "wavpack"),
];
