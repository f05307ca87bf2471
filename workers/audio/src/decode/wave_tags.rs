//! Codecs in WAV files by their registered tags: RFC 2361, Microsoft's mmreg.h, and what recorders use beside them.

use super::foreign::Foreign;
use super::wave::Coded;
use crate::AudioError;

/// What to do with sound that nobody decodes.
pub(super) const EXPORT: &str = "export it as WAV (PCM, A-law or mu-law) with the recorder's own software";

/// How a codec's sound is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// ffmpeg knows it by its tag.
    Tag,
    /// Its bytes, without the header, for one of ffmpeg's demuxers.
    Raw(&'static str),
    /// G.726, whose bits lie in one of two orders; the tag's usual one if the sound does not tell.
    G726 { is_low_first: bool },
    /// iLBC, whose file begins with a mark instead.
    Ilbc,
    /// Nobody does.
    Nobody,
}

/// How sound with `tag` is read, and its codec's name.
pub(super) fn find(tag: u32) -> (Way, &'static str) {
    TAGS.iter()
        .find(|(tags, _, _)| tags.contains(&tag))
        .map_or((Way::Nobody, "a codec that is not registered"), |(_, name, way)| (*way, *name))
}

/// What ffmpeg writes for AMR, although it is registered for NMS VBX ADPCM.
pub(super) const AMR_OR_NMS: u32 = 0x38;

/// Whether `tag` is registered for a codec that nobody decodes, and no other sound is known to be called so.
pub(super) fn is_nobodys(tag: u32) -> bool {
    tag != AMR_OR_NMS && TAGS.iter().any(|(tags, _, way)| tags.contains(&tag) && *way == Way::Nobody)
}

/// The refusal of a codec that nobody decodes.
pub(super) fn refusal(format: &str, tag: u32, name: &str) -> AudioError {
    AudioError::Unsupported {
        what: format!("a {format} file with {name} (tag {tag:#06x}), which neither earmark nor ffmpeg decodes"),
        advice: EXPORT.into(),
    }
}

/// What ffmpeg is told of sound with such a tag that is read without its header; none where the tag is enough.
pub(super) fn raw(way: Way, name: &str, coded: &Coded) -> Option<Foreign> {
    let rate = coded.rate_hz.to_string();
    match way {
        Way::Raw(demuxer @ "gsm") => Some(Foreign::raw(name, demuxer).told(&["-sample_rate", &rate])),
        Way::Raw(demuxer) => Some(Foreign::raw(name, demuxer)),
        Way::Ilbc => Some(Foreign::raw(name, "ilbc")),
        Way::G726 { is_low_first } => {
            let by_rate = u64::from(coded.bytes_per_sec) * 8 / u64::from(coded.rate_hz.max(1));
            let bits = if (2..=5).contains(&coded.bits) { u64::from(coded.bits) } else { by_rate };
            let bits = if (2..=5).contains(&bits) { bits } else { 4 };
            let orders = if is_low_first { ["g726le", "g726"] } else { ["g726", "g726le"] };
            let words = ["-code_size".to_owned(), bits.to_string(), "-sample_rate".to_owned(), rate];
            Some(Foreign {
                arguments: words.to_vec(),
                rivals: vec![(orders[1], words.to_vec())],
                ..Foreign::raw(name, orders[0])
            })
        }
        Way::Tag | Way::Nobody => None,
    }
}

/// Tags, their codec, and how it is read.
const TAGS: &[(&[u32], &str, Way)] = &[
    (&[0x31, 0x32, 0x1500], "GSM 06.10", Way::Tag),
    (&[0x50], "MPEG audio", Way::Tag),
    (&[0x55], "MP3", Way::Tag),
    (&[0x0A, 0x160, 0x161, 0x162, 0x163], "WMA", Way::Tag),
    (&[0x10, 0x17], "OKI ADPCM", Way::Tag),
    (&[0x20], "Yamaha ADPCM", Way::Tag),
    (&[0x61, 0x62], "IMA ADPCM (Duck)", Way::Tag),
    (&[0x69], "IMA ADPCM", Way::Tag),
    (&[0x200], "Creative ADPCM", Way::Tag),
    (&[0x22, 0x1501], "TrueSpeech", Way::Tag),
    (&[0x57], "AMR", Way::Tag),
    (&[0x58], "AMR-WB", Way::Tag),
    (&[0x130], "ACELP.net", Way::Tag),
    (&[0x28E], "MSN Siren", Way::Tag),
    (&[0xFF, 0x1600, 0x1602, 0x1610, 0x4143, 0x706D, 0xA106], "AAC", Way::Tag),
    (&[0x2000], "AC-3", Way::Tag),
    (&[0x08, 0x2001], "DTS", Way::Tag),
    (&[0x270], "ATRAC3", Way::Tag),
    (&[0x566F, 0x674F, 0x6750, 0x6751, 0x676F, 0x6770, 0x6771], "Vorbis", Way::Tag),
    (&[0x704F], "Opus", Way::Tag),
    (&[0xA109], "Speex", Way::Tag),
    (&[0xF1AC], "FLAC", Way::Tag),
    (&[0x6C75], "mu-law", Way::Tag),
    (&[0x42, 0x59, 0x93, 0x111, 0x123, 0xA100, 0xA120], "G.723.1", Way::Raw("g723_1")),
    (&[0x83, 0x133, 0x134, 0x729A, 0xA103, 0xA114, 0xA11E, 0xA11F, 0xA123], "G.729", Way::Raw("g729")),
    (&[0x65, 0x28F, 0xA112], "G.722", Way::Raw("g722")),
    (&[0x86, 0xA10D], "GSM 06.10", Way::Raw("gsm")),
    (&[0x45, 0x64, 0x85, 0x140, 0x177, 0xA105, 0xA107, 0xA11B], "G.726", Way::G726 { is_low_first: false }),
    (&[0x14], "G.723 ADPCM", Way::G726 { is_low_first: false }),
    (&[0xA116], "iLBC", Way::Ilbc),
    (&[0x04], "VSELP", Way::Nobody),
    (&[0x05], "IBM CVSD", Way::Nobody),
    (&[0x12], "Mediaspace ADPCM", Way::Nobody),
    (&[0x13], "Sierra ADPCM", Way::Nobody),
    (&[0x15], "DIGISTD", Way::Nobody),
    (&[0x16], "DIGIFIX", Way::Nobody),
    (&[0x18], "Mediavision ADPCM", Way::Nobody),
    (&[0x19], "HP CU codec", Way::Nobody),
    (&[0x21], "Sonarc", Way::Nobody),
    (&[0x23], "Echo SC1", Way::Nobody),
    (&[0x24, 0x26], "AudioFile", Way::Nobody),
    (&[0x25], "aptX", Way::Nobody),
    (&[0x27, 0x94], "Prosody", Way::Nobody),
    (&[0x28], "Merging LRC", Way::Nobody),
    (&[0x30], "Dolby AC-2", Way::Nobody),
    (&[0x33], "Antex ADPCME", Way::Nobody),
    (&[0x34, 0x37], "Control Resources VQLPC or CR10", Way::Nobody),
    (&[0x35, 0x36], "DigiReal or DigiADPCM", Way::Nobody),
    (&[0x38], "NMS VBX ADPCM", Way::Nobody),
    (&[0x39], "Crystal IMA ADPCM", Way::Nobody),
    (&[0x3A], "Echo SC3", Way::Nobody),
    (&[0x3B], "Rockwell ADPCM", Way::Nobody),
    (&[0x3C], "Rockwell DigiTalk", Way::Nobody),
    (&[0x3D], "Xebec", Way::Nobody),
    (&[0x40, 0x8B, 0xA11A], "G.721 ADPCM", Way::Nobody),
    (&[0x41, 0xA113, 0xA11D, 0xA122], "G.728", Way::Nobody),
    (&[0x52, 0x74, 0x82], "Voxware or Microsoft RT24", Way::Nobody),
    (&[0x53], "PAC", Way::Nobody),
    (&[0x60], "Cirrus Logic", Way::Nobody),
    (&[0x63], "Canopus ATRAC", Way::Nobody),
    (&[0x67], "DSAT", Way::Nobody),
    (&[0x70, 0x71, 0x72, 0x73, 0x75, 0x76, 0x77, 0x78, 0x79, 0x81], "Voxware", Way::Nobody),
    (&[0x80], "Softsound", Way::Nobody),
    (&[0x88], "ISIAudio", Way::Nobody),
    (&[0x89], "OnLive", Way::Nobody),
    (&[0x91], "SBC24", Way::Nobody),
    (&[0x97], "ZyXEL ADPCM", Way::Nobody),
    (&[0x98, 0x120], "Philips LPCBB or CELP", Way::Nobody),
    (&[0xA0], "Malden PhonyTalk", Way::Nobody),
    (&[0x100], "Rhetorex ADPCM", Way::Nobody),
    (&[0x101], "IRAT", Way::Nobody),
    (&[0x112], "Vivo Siren", Way::Nobody),
    (&[0x125], "Sanyo LD-ADPCM", Way::Nobody),
    (&[0x131, 0x132, 0x135], "Sipro Lab ACELP or Kelvin", Way::Nobody),
    (&[0x136, 0xA104, 0xA111], "VoiceAge AMR", Way::Nobody),
    (&[0x150, 0x151], "Qualcomm PureVoice", Way::Nobody),
    (&[0x155], "Ring Zero TUB GSM", Way::Nobody),
    (&[0x176, 0x178, 0x179], "SyCom", Way::Nobody),
    (&[0x202, 0x203], "Creative FastSpeech", Way::Nobody),
    (&[0x210], "UHER ADPCM", Way::Nobody),
    (&[0x250, 0x251], "IPI HSX or RPELP", Way::Nobody),
    (&[0x1000, 0x1001, 0x1002, 0x1003, 0x1004], "Olivetti", Way::Nobody),
    (&[0x1100], "Lernout & Hauspie", Way::Nobody),
    (&[0xA101, 0xA102], "Comverse SBC", Way::Nobody),
    (&[0xA10A], "Vianix MASC", Way::Nobody),
    (&[0xA10E, 0xA10F, 0xA110], "GSM 06.20, 06.60 or AMR", Way::Nobody),
    (&[0xA115], "Polycom Siren", Way::Nobody),
    (&[0xA118, 0xA119], "NICE ACA or ADPCM", Way::Nobody),
    (&[0xA11C], "G.722.1", Way::Nobody),
    (&[0xA121], "Vocord LBC", Way::Nobody),
];
