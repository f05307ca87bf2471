//! The built-in engine with the model that `make setup` fetches, on the recordings of tests/fixtures.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/sound/mod.rs"]
mod sound;

use std::path::PathBuf;
use std::sync::LazyLock;

use earmark_asr::{
    AsrError, ClipRequest, LanguageChoice, LocalEngine, LocalOptions, NotHearing, Sound, Transcriber, UploadFormat,
};
use earmark_core::ClipText;

/// Loading takes longer than most tests; all of this process's share one.
static ENGINE: LazyLock<LocalEngine> =
    LazyLock::new(|| LocalEngine::new(options()).expect("run `make setup` before the tests"));

fn repository() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn options() -> LocalOptions {
    LocalOptions {
        model_path: repository().join("engine/model"),
        batch: 4,
        ..LocalOptions::new(env!("CARGO_BIN_EXE_earmark-engine").into())
    }
}

fn fixture(name: &str) -> Vec<Vec<f32>> {
    sound::read_wav(&repository().join("tests/fixtures").join(name))
}

fn austen() -> Vec<f32> {
    fixture("formats/austen0870.pcm16k.wav").remove(0)
}

fn request(samples: Vec<f32>, language: LanguageChoice) -> ClipRequest {
    ClipRequest::new(Sound::of(samples.into()), language, "test".into())
}

fn fixed(language: &str) -> LanguageChoice {
    LanguageChoice::Fixed(language.into())
}

fn detect(likely: Option<&str>) -> LanguageChoice {
    LanguageChoice::Detect { candidates: vec!["zh".into(), "en".into()], likely: likely.map(str::to_owned) }
}

fn text(clip: &ClipText) -> String {
    clip.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn english_speech_gives_its_words_with_times_in_order() {
    let clip = ENGINE
        .transcribe(ClipRequest { has_words: true, ..request(austen(), detect(None)) }, &NotHearing)
        .await
        .unwrap();
    assert_eq!(clip.language.as_deref(), Some("en"));
    assert!(
        text(&clip).contains("had then leisure to consider how much there might be prudently in his power"),
        "{clip:?}"
    );
    let mut before_ms = 0;
    for segment in &clip.segments {
        assert!(segment.confidence.is_some_and(|confidence| confidence > 0.5), "{segment:?}");
        for word in &segment.words {
            assert!(before_ms <= word.start_ms && word.start_ms <= word.end_ms && word.end_ms <= 7100, "{word:?}");
            before_ms = word.start_ms;
            let stands: String = segment.text.chars().skip(word.offset).take(word.text.chars().count()).collect();
            assert_eq!(stands, word.text);
        }
    }
    assert!(before_ms > 6000);
}

#[tokio::test]
async fn a_chinese_turn_of_a_phone_call_gives_simplified_characters() {
    let call = fixture("dialogues/zh-dev-02-collection-abuse.pcm8k.wav").remove(0);
    let turn = sound::doubled(&call[..8000 * 10]);
    let clip = ENGINE.transcribe(request(turn, detect(Some("zh"))), &NotHearing).await.unwrap();
    let text = text(&clip);
    assert_eq!(clip.language.as_deref(), Some("zh"));
    assert!(text.contains("逾期") || text.contains("贷款") || text.contains("您"), "{text}");
    let traditional = ['貸', '請', '問', '還', '們', '這', '個', '說', '對', '後', '錢', '嗎', '繫', '話', '為'];
    assert!(!text.contains(traditional), "{text}");
}

#[tokio::test]
async fn nothing_said_gives_no_text() {
    let cases = [
        ("silence", vec![0.0; 16_000 * 5]),
        ("noise", sound::noise(16_000 * 8, 0.05)),
        ("faint noise", sound::noise(16_000 * 3, 0.001)),
        ("keys pressed", sound::keys(6)),
        ("50 ms", austen()[16_000..16_800].to_vec()),
        ("nothing", Vec::new()),
    ];
    let languages = [fixed("en"), fixed("zh"), detect(None)];
    let asked: Vec<_> = cases.iter().flat_map(|case| languages.iter().map(move |language| (case, language))).collect();
    let answers = asked
        .iter()
        .map(|((_, samples), language)| ENGINE.transcribe(request(samples.clone(), (*language).clone()), &NotHearing));
    for (((name, _), language), clip) in asked.iter().zip(futures::future::join_all(answers).await) {
        assert_eq!(clip.unwrap().segments, [], "{name} {language:?}");
    }
}

#[tokio::test]
async fn a_prompt_and_a_glossary_are_not_read_back() {
    let request = ClipRequest {
        prompt: Some("Elinor had been silent for some time before she spoke.".into()),
        glossary: vec!["Norland Park".into(), "Dashwood".into(), "Barton Cottage".into()],
        ..request(austen(), fixed("en"))
    };
    let clip = ENGINE.transcribe(request.clone(), &NotHearing).await.unwrap();
    assert!(text(&clip).contains("Dashwood had then leisure"), "{clip:?}");
    assert!(!text(&clip).contains("Norland") && !text(&clip).contains("Elinor"), "{clip:?}");
    let clip = ENGINE
        .transcribe(ClipRequest { sound: Sound::of(sound::noise(16_000 * 4, 0.02).into()), ..request }, &NotHearing)
        .await
        .unwrap();
    assert_eq!(clip.segments, []);
}

/// Each of these was given words that come from the prompt or from nowhere.
#[tokio::test]
async fn noise_gives_no_text_whatever_the_decoder_was_told() {
    let prompts = [
        ("en", "Elinor had been silent for some time before she spoke."),
        ("zh", "好的，请问您贵姓？我们这边给您登记一下。"),
    ];
    let glossary = || vec!["Norland Park".into(), "Dashwood".into(), "Barton Cottage".into()];
    let asked: Vec<_> = [
        ("en", 0.1, 15, true, true),
        ("en", 0.05, 15, false, true),
        ("en", 0.3, 4, false, true),
        ("en", 0.0, 15, true, true),
        ("zh", 0.0, 15, false, false),
        ("zh", 0.02, 15, true, true),
        ("zh", 0.05, 1, false, true),
        ("zh", 0.1, 4, true, true),
    ]
    .into_iter()
    .map(|(language, peak, seconds, has_prompt, has_glossary)| ClipRequest {
        prompt: prompts.iter().find(|(of, _)| has_prompt && *of == language).map(|(_, prompt)| (*prompt).into()),
        glossary: if has_glossary { glossary() } else { Vec::new() },
        ..request(sound::noise(16_000 * seconds, peak), fixed(language))
    })
    .collect();
    let answers = asked.iter().map(|request| ENGINE.transcribe(request.clone(), &NotHearing));
    for (at, clip) in futures::future::join_all(answers).await.into_iter().enumerate() {
        assert_eq!(clip.unwrap().segments, [], "{at}");
    }
}

/// The model finds these improbable behind words that have nothing to do with them.
#[tokio::test]
async fn speech_that_a_prompt_does_not_fit_keeps_its_text() {
    for (name, said) in [("card1", "clubs"), ("card3", "clubs"), ("card4", "5")] {
        let card = fixture(&format!("real/{name}.orig.wav")).remove(0);
        let request = ClipRequest {
            prompt: Some("Thank you for calling Northwind Wealth.".into()),
            glossary: vec!["Northwind Wealth".into(), "ComfyUI".into()],
            ..request(card, fixed("en"))
        };
        let text = text(&ENGINE.transcribe(request, &NotHearing).await.unwrap()).to_lowercase();
        assert!(!text.is_empty() && text.contains(said), "{name}: {text}");
    }
}

#[tokio::test]
async fn clips_of_several_languages_and_prompts_in_one_batch_get_their_own_texts() {
    let engine = LocalEngine::new(options()).unwrap();
    let english = request(austen(), detect(None));
    let prompted = ClipRequest { prompt: Some("Chapter two.".into()), ..english.clone() };
    let chinese = request(
        sound::doubled(&fixture("dialogues/zh-dev-02-collection-abuse.pcm8k.wav")[0][..8000 * 6]),
        detect(None),
    );
    let alone = engine.transcribe(english.clone(), &NotHearing).await.unwrap();
    let (first, second, third, fourth) = tokio::join!(
        engine.transcribe(english.clone(), &NotHearing),
        engine.transcribe(chinese, &NotHearing),
        engine.transcribe(prompted, &NotHearing),
        engine.transcribe(english, &NotHearing),
    );
    assert_eq!(text(&first.unwrap()), text(&alone));
    assert_eq!(second.unwrap().language.as_deref(), Some("zh"));
    assert_eq!(third.unwrap().language.as_deref(), Some("en"));
    assert_eq!(text(&fourth.unwrap()), text(&alone));
}

#[tokio::test]
async fn a_request_given_up_does_not_hold_up_the_next() {
    let engine = LocalEngine::new(LocalOptions { batch: 1, ..options() }).unwrap();
    for _ in 0..8 {
        let given_up = engine.transcribe(request(austen(), fixed("en")), &NotHearing);
        tokio::pin!(given_up);
        assert!(futures::poll!(&mut given_up).is_pending());
    }
    let clip = engine.transcribe(request(austen(), fixed("en")), &NotHearing).await.unwrap();
    assert!(!clip.segments.is_empty());
}

#[tokio::test]
async fn what_cannot_be_transcribed_is_refused_with_the_reason() {
    let too_long = ENGINE.transcribe(request(vec![0.0; 16_000 * 31], fixed("en")), &NotHearing).await;
    assert!(matches!(too_long, Err(AsrError::TooLong { length_ms: 31_000, max_ms: 30_000 })), "{too_long:?}");
    let file = Sound::File { bytes: bytes::Bytes::new(), format: UploadFormat::Wav, duration_ms: 0 };
    let file = ENGINE.transcribe(ClipRequest { sound: file, ..request(Vec::new(), fixed("en")) }, &NotHearing).await;
    assert!(matches!(file, Err(AsrError::Failed { .. })), "{file:?}");
    let unknown = ENGINE.transcribe(request(austen(), fixed("tlh")), &NotHearing).await;
    assert!(matches!(&unknown, Err(AsrError::UnknownLanguage { language }) if language == "tlh"), "{unknown:?}");
}

#[test]
fn the_engine_names_what_is_needed_to_repeat_its_answers() {
    let choice = ENGINE.start_proved().unwrap();
    let engine = ENGINE.engine();
    assert_eq!((engine.name.as_str(), engine.model.as_str()), ("local", "whisper-base"));
    let computed_with = choice.backend.name();
    assert_eq!(engine.version, format!("ctranslate2 4.8.4 {computed_with}, weights d01c3014881c"));
    assert_eq!(choice.surroundings.weights, "d01c3014881c");
}

#[test]
fn a_model_that_is_not_there_is_named() {
    let folder = repository().join("tests/fixtures/no-model");
    let error = LocalEngine::new(LocalOptions { model_path: folder, ..options() }).err().unwrap();
    assert!(matches!(&error, AsrError::NotLoaded { detail } if detail.contains("no-model/model.bin")), "{error}");
}
