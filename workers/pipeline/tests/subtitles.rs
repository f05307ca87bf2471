//! What holds for subtitles of any text in any script, read from the files as a player reads them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;

use earmark_core::{Speaker, TimePrecision, Utterance, Word};
use earmark_pipeline::render;
use icu_segmenter::GraphemeClusterSegmenter;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

/// Must not begin a line.
const CLOSING: &str = "，。、！？；：）」』》】〉ーっゃゅょッャュョ々)]!?,.;:";
/// Must not end a line.
const OPENING: &str = "（「『《【〈([";

#[derive(Debug)]
struct Cue {
    start_ms: u64,
    end_ms: u64,
    speaker: String,
    lines: Vec<String>,
}

fn utterance(speaker: &str, start_ms: u64, end_ms: u64, text: &str) -> Utterance {
    Utterance {
        id: 0,
        channel: u16::from(speaker == "customer"),
        speaker: Speaker(speaker.into()),
        start_ms,
        end_ms,
        time_precision: TimePrecision::Estimated,
        language: None,
        text: text.into(),
        words: Vec::new(),
    }
}

/// Milliseconds of `hh:mm:ss,mmm`.
fn ms(clock: &str) -> u64 {
    let parts: Vec<u64> = clock.split([':', ',', '.']).map(|part| part.parse().unwrap()).collect();
    ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000 + parts[3]
}

/// The cues of a SubRip file; who speaks is who was named last.
fn srt(utterances: &[Utterance]) -> Vec<Cue> {
    let mut speaker = String::new();
    let mut cues = Vec::new();
    let text = render::srt(utterances, true);
    for (number, block) in (1..).zip(text.split("\n\n").filter(|block| !block.is_empty())) {
        let mut lines = block.lines();
        assert_eq!(lines.next(), Some(format!("{number}").as_str()), "{block:?}");
        let (start, end) = lines.next().unwrap().split_once(" --> ").unwrap();
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        assert!(!lines.is_empty() && lines.len() <= 2, "{block:?}");
        for line in &lines {
            assert!(line.width() <= 42, "{} columns: {line:?}", line.width());
        }
        for name in ["agent", "customer"] {
            let first = lines[0].trim_start_matches('\u{200f}');
            if let Some(rest) = first.strip_prefix(&format!("[{name}]")) {
                speaker = name.into();
                lines[0] = rest.trim_start().into();
            }
        }
        cues.push(Cue { start_ms: ms(start), end_ms: ms(end), speaker: speaker.clone(), lines });
    }
    cues
}

/// The cues of a WebVTT file.
fn vtt(utterances: &[Utterance]) -> Vec<Cue> {
    let text = render::vtt(utterances, true);
    let blocks = text.strip_prefix("WEBVTT\n\n").unwrap().split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let (times, text) = block.split_once('\n').unwrap();
            let (start, end) = times.split_once(" --> ").unwrap();
            let (speaker, text) = text.strip_prefix("<v ").unwrap().split_once('>').unwrap();
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            assert!(!lines.is_empty() && lines.len() <= 2, "{block:?}");
            for line in &lines {
                assert!(line.width() <= 42, "{} columns: {line:?}", line.width());
            }
            Cue { start_ms: ms(start), end_ms: ms(end), speaker: speaker.into(), lines }
        })
        .collect()
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

/// What holds for every text: times, and the whole of it said by the right one.
fn assert_whole(utterances: &[Utterance], cues: &[Cue]) {
    let mut said: BTreeMap<&str, String> = BTreeMap::new();
    for cue in cues {
        assert!(cue.end_ms > cue.start_ms && cue.end_ms - cue.start_ms <= 7000, "{cue:?}");
        let is_carried_on = cue.lines == ["…"];
        said.entry(&cue.speaker).or_default().push_str(&if is_carried_on {
            String::new()
        } else {
            cue.lines.join(" ")
        });
    }
    for (before, next) in cues.iter().zip(cues.iter().skip(1)) {
        assert!(before.start_ms <= next.start_ms, "{before:?} {next:?}");
    }
    for speaker in ["agent", "customer"] {
        let theirs = || utterances.iter().filter(|utterance| utterance.speaker.0 == speaker);
        let text: String = theirs().map(|utterance| utterance.text.as_str()).collect();
        assert_eq!(letters(said.get(speaker).map_or("", String::as_str)), letters(&text), "{speaker}");
        for utterance in theirs().filter(|utterance| !letters(&utterance.text).is_empty()) {
            let mut covered_ms = utterance.start_ms;
            for cue in cues.iter().filter(|cue| cue.speaker == speaker) {
                if cue.start_ms <= covered_ms {
                    covered_ms = covered_ms.max(cue.end_ms);
                }
            }
            assert!(covered_ms >= utterance.end_ms, "{utterance:?}: no cue at {covered_ms} in {cues:#?}");
        }
    }
}

/// What holds where texts are such as people say: no character as readers see it is divided, and punctuation keeps its side.
fn assert_well_broken(utterances: &[Utterance], cues: &[Cue]) {
    for utterance in utterances {
        let text = letters(&utterance.text);
        let clusters: Vec<usize> = GraphemeClusterSegmenter::new().segment_str(&text).collect();
        let mut from = 0;
        let lines = cues.iter().filter(|cue| cue.speaker == utterance.speaker.0).flat_map(|cue| &cue.lines);
        for line in lines.map(|line| letters(line)) {
            if text[from..].starts_with(&line) && line != "…" {
                from += line.len();
                assert!(clusters.contains(&from), "{line:?} of {text:?}");
            }
        }
    }
    for line in cues.iter().flat_map(|cue| &cue.lines).filter(|line| !line.is_empty()) {
        assert!(!line.starts_with(|c| CLOSING.contains(c)), "{line:?} in {cues:#?}");
        assert!(!line.ends_with(|c| OPENING.contains(c)), "{line:?} in {cues:#?}");
    }
}

#[test]
fn texts_in_many_scripts_are_broken_where_their_readers_expect_it() {
    let texts = [
        "สวัสดีค่ะดิฉันโทรมาจากฝ่ายบริการลูกค้าของธนาคารเพื่อแจ้งให้ทราบว่าบัญชีของท่านมียอดค้างชำระและขอให้ท่านติดต่อกลับภายในวันศุกร์นี้ก่อนเวลาห้าโมงเย็นมิฉะนั้นระบบจะระงับการใช้งานบัตรโดยอัตโนมัติค่ะ",
        "ＡＢＣ銀行のＷＥＢサイトからＩＤとＰＡＳＳＷＯＲＤを入力してください。「登録」ボタンを押すと、『完了』と表示されます。手数料は１２３４５円です。",
        "안녕하세요 고객님 은행 고객센터에서 연락드립니다 고객님의 계좌에 미납 금액이 있어 금요일까지 연락을 부탁드립니다 감사합니다",
        "ຂ້າພະເຈົ້າຕ້ອງການແຈ້ງໃຫ້ຊາບວ່າບັນຊີຂອງທ່ານມີຍອດຄ້າງຊໍາລະແລະຂໍໃຫ້ທ່ານຕິດຕໍ່ກັບຄືນພາຍໃນວັນສຸກນີ້",
        "ကျွန်ုပ်တို့၏ဝန်ဆောင်မှုကိုအသုံးပြုသည့်အတွက်ကျေးဇူးတင်ပါသည်ခင်ဗျာနောက်ထပ်သိလိုသည်များရှိပါကဆက်သွယ်နိုင်ပါသည်",
        "សូមអរគុណដែលបានប្រើប្រាស់សេវាកម្មរបស់យើងខ្ញុំសូមទាក់ទងមកយើងខ្ញុំវិញនៅថ្ងៃសុក្រ",
        "您好，这里是恒信理财客服中心，本次通话将被录音，请问是张先生吗？开始之前，先跟您核对一下资料，请问您的手机尾号是多少？",
        "I can promise you guaranteed returns of eight percent, and there is absolutely no risk. You simply cannot lose money.",
        "您加 WhatsApp，我 send you the 资料，见 https://example.com/a/very/long/address/that/no/line/holds?with=query。好吗？",
        "チェックアウトっていうのは、パーティーのキャンセルじゃなくて、ショッピングカートのチェックのことなんですよねえ、ちょっと。",
        "مرحبا بك في خدمة العملاء، كيف يمكنني مساعدتك اليوم؟ سوف نتصل بك لاحقا إن شاء الله، شكرا جزيلا لك.",
        "👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷👨‍👩‍👧‍👦👍🏽🇫🇷",
        "क्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रियक्षत्रिय",
        "Bonjour ! Vous avez dit « jamais » ; est-ce que c'est vrai ? Oui, c'est « absolument vrai » dans tous les cas !",
        "one\r\ntwo\r\n\r\nthree\u{2028}four\u{85}five",
    ];
    for text in texts {
        for speech_ms in [0, 900, 16_000, 60_000] {
            for start_ms in [0, 400_000_000] {
                let utterances = [utterance("agent", start_ms, start_ms + speech_ms, text)];
                for cues in [srt(&utterances), vtt(&utterances)] {
                    assert_whole(&utterances, &cues);
                    assert_well_broken(&utterances, &cues);
                }
            }
        }
    }
}

/// The lines of `text`, said in `speech_ms`.
fn lines(text: &str, language: Option<&str>, speech_ms: u64) -> Vec<String> {
    let spoken = Utterance { language: language.map(str::to_owned), ..utterance("agent", 0, speech_ms, text) };
    vtt(&[spoken]).into_iter().flat_map(|cue| cue.lines).collect()
}

#[test]
fn words_stay_whole() {
    for (text, language) in [
        (
            "안녕하세요 고객님 은행 고객센터에서 연락드립니다 고객님의 계좌에 미납 금액이 있어 금요일까지 연락을 부탁드립니다 감사합니다",
            None,
        ),
        (
            "이번 달(11월) 결제금액은 1,234,000원이며,출금일은 2026-11-30입니다.문의는 고객센터(1588-0000)로 부탁드립니다 고객님!",
            None,
        ),
        (
            "大韓民國의 金融監督院에서 發表한 自動移替約款에 따라 手數料가 賦課됩니다 大韓民國의 金融監督院에서",
            Some("ko"),
        ),
        ("A well-known state-of-the-art half-heartedly self-explanatory address: www.example.com/a-b and e-mail", None),
    ] {
        for speech_ms in [3000, 16_000] {
            let lines = lines(text, language, speech_ms);
            assert!(lines.len() > 1, "{lines:?}");
            let shown: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).collect();
            assert_eq!(shown, text.split(' ').collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_wider_than_a_line_is_broken_where_it_hurts_least() {
    for (text, expected) in [
        (
            "https://example.com/customers/2026/november/statement?account=12",
            &["https://example.com/customers/2026/", "november/statement?account=12"][..],
        ),
        ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnop,qrs", &["abcdefghijklmnopqrstuvwxyzabcdefghijklmno", "p,qrs"]),
        (
            "가나다라마바사아자차카타파하가나다라마바사아자.차카타파하",
            &["가나다라마바사아자차카타파하가나다라마바사", "아자.차카타파하"],
        ),
        (
            "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ",
            &["ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵ", "ＶＷＸＹＺ"],
        ),
    ] {
        assert_eq!(lines(text, None, 6000), expected);
    }
}

#[test]
fn whoever_goes_on_after_another_is_named_again() {
    let long = "I was about to tell you that the whole amount is due on Friday, and that nobody here can change that.";
    let utterances = [
        utterance("agent", 0, 12_000, long),
        utterance("customer", 3000, 5000, "But I paid it yesterday, I have the receipt here."),
        utterance("agent", 13_000, 14_000, "I see."),
    ];
    let text = render::srt(&utterances, true);
    let named: Vec<&str> = text.lines().filter(|line| line.starts_with('[')).map(|line| &line[..3]).collect();
    assert_eq!(named, ["[ag", "[cu", "[ag", "[ag"], "{text}");
    assert_whole(&utterances, &srt(&utterances));
    assert_whole(&utterances, &vtt(&utterances));
}

const FRAGMENTS: &[&str] = &[
    "hello ",
    "well-known ",
    "(sure), ",
    "“quite” ",
    "don't! ",
    "https://example.com/a/b?c=d ",
    "x",
    "12,345.67 ",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft ",
    "你好，",
    "银行",
    "「登録」",
    "『完了』と",
    "ＷＥＢ",
    "カード",
    "まって",
    "ちょっと。",
    "（本人）",
    "안녕하세요 ",
    "고객님의 ",
    "계좌(보통)에 ",
    "ธนาคาร",
    "ติดต่อกลับ",
    "ภายใน",
    "ບັນຊີ",
    "ຂອງທ່ານ",
    "ကျေးဇူးတင်",
    "ပါသည်",
    "សូមអរគុណ",
    "བཀྲ་ཤིས་",
    "مرحبا ",
    "شكرا، ",
    "שלום ",
    "नमस्ते ",
    "क्षत्रिय",
    "e\u{301}\u{302}\u{303}",
    "👨‍👩‍👧‍👦",
    "👍🏽",
    "🇫🇷",
    "\r\n",
    "\n\n",
    " ",
    "\u{a0}",
    "\u{3000}",
    "\t",
    "<i>&amp; ",
    "…… ",
    "1 --> 2 ",
];

fn said() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(FRAGMENTS), 0..60).prop_map(|parts| parts.concat())
}

/// Two speakers' utterances, each speaker's one after the other.
fn talk(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Utterance>> {
    let turn = (any::<bool>(), 0_u64..3000, prop_oneof![Just(0_u64), 0_u64..3000, 0_u64..90_000], text, any::<bool>());
    (0_u64..400_000_000, proptest::collection::vec(turn, 1..6)).prop_map(|(from_ms, turns)| {
        let mut free_ms = [from_ms, from_ms];
        let mut utterances: Vec<Utterance> = Vec::new();
        for (is_agent, pause_ms, lasts_ms, text, has_words) in turns {
            let start_ms = free_ms[usize::from(is_agent)] + pause_ms;
            free_ms[usize::from(is_agent)] = start_ms + lasts_ms + 1;
            let speaker = if is_agent { "agent" } else { "customer" };
            let mut spoken = utterance(speaker, start_ms, start_ms + lasts_ms, &text);
            if has_words {
                // A recogniser's words, with the nonsense that some give: times beyond the end, or none.
                for offset in (0..text.chars().count()).step_by(7) {
                    let at = start_ms + u64::try_from(offset).unwrap() * 300;
                    spoken.words.push(Word {
                        start_ms: at,
                        end_ms: at.saturating_sub(pause_ms),
                        offset,
                        text: "x".into(),
                    });
                }
            }
            utterances.push(spoken);
        }
        utterances.sort_by_key(|utterance| utterance.start_ms);
        utterances
    })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn whatever_is_said_is_shown_whole_in_time_and_well_broken(utterances in talk(said())) {
        for cues in [srt(&utterances), vtt(&utterances)] {
            assert_whole(&utterances, &cues);
            assert_well_broken(&utterances, &cues);
        }
    }

    #[test]
    fn any_text_at_all_is_shown_whole_and_in_time(utterances in talk("(\\PC|\\s){0,120}")) {
        for cues in [srt(&utterances), vtt(&utterances)] {
            assert_whole(&utterances, &cues);
        }
    }
}
