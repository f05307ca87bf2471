//! Words in texts: what is a hit, where, and of what kind.

use earmark_core::FindingKind::{Exact, Folded, Homophone, Pattern};
use earmark_core::{Finding, FindingKind, Severity, Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};

fn rules(body: &str) -> RuleSet {
    let text = format!("rules:\n  - id: r\n    category: c\n    severity: high\n{body}");
    match RuleSet::compile("test", &[SourceFile { path: "rules.yaml".into(), text }]) {
        Ok(set) => set,
        Err(errors) => panic!("{errors}"),
    }
}

#[test]
fn in_one_text_rules_for_certain_recordings_are_tried_too_and_say_for_which() {
    let body = "    words: [保证收益]\n    applies_to: {queues: [vip], agents: [a, b], metadata: {tier: {more_than: 2}}, lanes: [call], tenants: [t], min_duration_secs: 90}\n";
    let set = rules(body);
    assert_eq!(set.find_in_text("保证收益").len(), 1);
    let asked = set.rules()[0].applies_to.in_words();
    let expected = ["lane is call", "tenant is t", "length is at least 1:30", "queue is vip", "agent is a, b"];
    assert!(expected.iter().all(|one| asked.contains(&(*one).to_owned())), "{asked:?}");
    assert!(asked.contains(&"tier is more than 2".to_owned()) && asked.len() == 6, "{asked:?}");
    let utterance = said(0, 0, "agent", 0, 1000, "保证收益");
    assert_eq!(set.find_early(&[utterance], &Context::default()), [], "of a recording it is known what was given");
}

fn words(list: &str) -> RuleSet {
    rules(&format!("    words: [{list}]\n"))
}

fn said(id: u32, channel: u16, speaker: &str, start_ms: u64, end_ms: u64, text: &str) -> Utterance {
    Utterance {
        id,
        channel,
        speaker: Speaker(speaker.into()),
        start_ms,
        end_ms,
        time_precision: TimePrecision::Segment,
        language: None,
        text: text.into(),
        words: Vec::new(),
    }
}

/// Words of the rule, text, what is found in it.
type Case = (&'static str, &'static str, &'static [(&'static str, FindingKind)]);

#[test]
fn words_are_found_in_every_spelling_and_not_inside_other_words() {
    let cases: &[Case] = &[
        ("保证收益", "这款产品保证收益。", &[("保证收益", Exact)]),
        ("保证收益", "這款產品保證收益。", &[("保證收益", Folded)]),
        ("保证收益", "保 证，收益", &[("保 证，收益", Folded)]),
        ("保证收益", "保证收益保证收益", &[("保证收益", Exact), ("保证收益", Exact)]),
        ("加QQ", "你加ｑｑ吧", &[("加ｑｑ", Folded)]),
        ("加QQ", "你加qqq吧", &[]),
        ("guaranteed returns", "GUARANTEED  Returns!", &[("GUARANTEED  Returns", Folded)]),
        ("guaranteed returns", "guaranteed-returns", &[("guaranteed-returns", Folded)]),
        ("star", "the stars", &[]),
        ("star", "a star’s light", &[("star", Exact)]),
        ("stars", "star s", &[]),
        ("can", "I can't", &[]),
        ("don't pay", "dont pay", &[("dont pay", Folded)]),
        ("\"don't pay\"", "don’t pay", &[("don’t pay", Folded)]),
        ("were", "we're late", &[]),
        ("therapist", "the rapist", &[("the rapist", Folded)]),
        ("the rapist", "a therapist", &[]),
        ("WhatsApp", "on What's App now", &[("What's App", Folded)]),
        ("one-time code", "one time code, onetime code", &[("one time code", Folded), ("onetime code", Folded)]),
        ("\"69\"", "695 和 69", &[("69", Exact)]),
        ("\"22\"", "22b", &[]),
        ("保本保息", "薄本保锡的产品", &[("薄本保锡", Homophone)]),
        ("退费申请", "提交推飞神情", &[("推飞神情", Homophone)]),
        ("银保监会", "打给饮饱监会", &[("饮饱监会", Homophone)]),
        ("银保监会", "打给银保监会", &[("银保监会", Exact)]),
        ("加微信", "您加威信", &[]),
        ("\"承诺…{3}收益\"", "承诺一定有收益", &[("承诺一定有收益", Pattern)]),
        ("\"承诺…{3}收益\"", "承诺你一定有收益", &[]),
        ("\"承诺…{12}收益\"", "承诺这一款产品今年肯定会有收益", &[("承诺这一款产品今年肯定会有收益", Pattern)]),
        ("承诺…收益", "承诺这一款产品今年肯定会有收益", &[]),
        ("\"guarantee…{2}return\"", "guarantee a good return", &[("guarantee a good return", Pattern)]),
        ("\"guarantee...{2}return\"", "guarantee a very good return", &[]),
        ("\"加……{1}微信\"", "加一下微信，加我微信", &[("加我微信", Pattern)]),
        ("\"一…{4}十二…{1}月\"", "一共十二或者十二个月", &[("一共十二或者十二个月", Pattern)]),
        ("\"a…{3}b…{1}c\"", "a b x b c", &[("a b x b c", Pattern)]),
        ("我们…逮捕你", "我们今天就会逮捕你", &[("我们今天就会逮捕你", Pattern)]),
        ("我们…逮捕你", "我们走了。逮捕你", &[]),
        ("我们…逮捕你", "我们昨天在公司里听说他们要逮捕你", &[]),
        ("we will … arrested", "we will have you arrested", &[("we will have you arrested", Pattern)]),
        ("we will ... arrested", "we will see, arrested", &[]),
        ("零风险, 完全零风险", "完全零风险", &[("完全零风险", Exact)]),
    ];
    for (list, text, expected) in cases {
        let found = words(list).find_in_text(text);
        let found: Vec<_> = found.iter().map(|finding| (finding.matched.as_str(), finding.kind)).collect();
        assert_eq!(&found, expected, "{list} in {text}");
    }
}

#[test]
fn homophones_can_be_opted_into_and_switched_off_and_are_never_reported_beside_the_spelling() {
    let cases: &[(&str, &str, &[FindingKind])] = &[
        ("    words: [加微信]\n    homophones: {min_chars: 3}\n", "您加威信", &[Homophone]),
        ("    words: [加微信]\n    homophones: {min_chars: 3}\n", "您加微信", &[Exact]),
        ("    words: [保本保息]\n    homophones: false\n", "薄本保锡", &[]),
        ("    words: [保本保息]\n    homophones: true\n", "薄本保锡", &[Homophone]),
        ("    words: [保本保息]\n    homophones: {min_chars: 5}\n", "薄本保锡", &[]),
        ("    words: [保本保息, 宝本宝息]\n", "保本保息", &[Exact]),
        ("    words: [保本保息]\n", "保 本 保 息", &[Folded]),
    ];
    for (body, text, expected) in cases {
        let kinds: Vec<_> = rules(body).find_in_text(text).iter().map(|finding| finding.kind).collect();
        assert_eq!(&kinds, expected, "{body} in {text}");
    }
    let capped = rules("    words: [保本保息]\n    homophones: {max_severity: low}\n");
    assert_eq!(capped.find_in_text("薄本保锡")[0].severity, Severity::Low);
    assert_eq!(capped.find_in_text("保本保息")[0].severity, Severity::High);
    let finding = &capped.find_in_text("是薄本保锡的")[0];
    assert_eq!(finding.reason, "c：听到“薄本保锡”，与“保本保息”同音");
    assert_eq!(finding.phrase.as_deref(), Some("保本保息"));
}

#[test]
fn what_stands_inside_an_exception_is_no_hit() {
    let cases = [
        ("    words: [口交]\n    except: [路口交通]\n", "前面路口交通拥堵", 0),
        ("    words: [口交]\n    except: [路口交通]\n", "前面路口交通，口交", 1),
        ("    words: [三黄]\n    except: [三黄片]\n", "吃点三黄片", 0),
        ("    words: [产党]\n    except: [共产党]\n", "中国共产党", 0),
        ("    words: [保证收益]\n    except: [不能…保证…]\n", "我们不能向您保证收益", 0),
        ("    words: [保证收益]\n    except: [不能…]\n", "我们不能，保证收益", 1),
        ("    words: [稳赚不赔]\n    except: […都是骗]\n", "稳赚不赔的都是骗人的", 0),
        ("    words: [稳赚不赔]\n    except: [不会要求…]\n", "不会邀求您稳赚不赔", 0),
        ("    words: [保证收益]\n    except: ['不能…{1}']\n", "我们不能向您保证收益", 1),
        ("    words: [保证收益]\n    except: ['不能…{2}']\n", "我们不能向您保证收益", 0),
        ("    words: [保证收益]\n    except: ['…{12}才怪']\n", "保证收益您要是去问一问他们就知道了才怪", 1),
        ("    words: [保证收益]\n    except: ['…{14}才怪']\n", "保证收益您要是去问一问他们就知道了才怪", 0),
        ("    words: [never lose]\n    except: [never…]\n", "you never lose", 1),
        ("    words: [guaranteed returns]\n    except: [never promise…]\n", "We never promise guaranteed returns", 0),
    ];
    for (body, text, count) in cases {
        assert_eq!(rules(body).find_in_text(text).len(), count, "{body} in {text}");
    }
}

#[test]
fn only_the_rule_s_speaker_counts_and_somebody_of_whom_nobody_can_tell() {
    let set = rules("    speaker: agent\n    words: [secret]\n");
    for (speaker, count) in [("agent", 1), ("unknown", 1), ("customer", 0)] {
        let found = set.find(&[said(0, 0, speaker, 0, 1000, "a secret")], &Context::default());
        assert_eq!(found.len(), count, "{speaker}");
    }
}

#[test]
fn what_must_be_said_is_missing_when_it_is_not_said_in_time() {
    let body = "    speaker: agent\n    within: {first_secs: 30}\n    applies_to: {min_duration_secs: 10, lanes: [call]}\n    must_say: [通话将被录音]\n";
    let set = rules(body);
    let call = |start_ms, speaker: &str, text: &str| vec![said(0, 0, speaker, start_ms, start_ms + 2000, text)];
    let context = Context {
        duration_ms: 60_000,
        language: Some("zh".into()),
        lane: Some(earmark_core::Lane::Call),
        ..Context::default()
    };
    let archive = Context { lane: Some(earmark_core::Lane::Archive), ..context.clone() };
    let short = Context { duration_ms: 9_000, ..context.clone() };
    let cases = [
        ("said", call(1000, "agent", "本次通话将被录音"), &context, 0),
        ("said in other characters", call(1000, "agent", "本次通话酱被录因"), &context, 0),
        ("said too late", call(31_000, "agent", "本次通话将被录音"), &context, 1),
        ("said by another", call(1000, "customer", "通话将被录音"), &context, 0),
        ("not said", call(1000, "agent", "您好"), &context, 1),
        ("nobody spoke", Vec::new(), &context, 0),
        ("another lane", call(1000, "agent", "您好"), &archive, 0),
        ("too short", call(1000, "agent", "您好"), &short, 0),
    ];
    for (name, utterances, context, count) in cases {
        let found = set.find(&utterances, context);
        assert_eq!(found.len(), count, "{name}: {found:?}");
        for finding in found {
            assert_eq!(
                (finding.kind, finding.utterance_id, finding.span),
                (FindingKind::Missing, None, None),
                "{name}"
            );
            assert_eq!((finding.start_ms, finding.end_ms), (0, 30_000), "{name}");
            assert_eq!(finding.speaker, Some(Speaker("agent".into())), "{name}");
        }
    }
}

#[test]
fn a_phrase_cut_in_two_is_reported_where_it_begins() {
    let set = words("保证收益");
    let cut = |gap_ms: u64, speaker: &str| {
        let context = Context::default();
        let agent = said(0, 0, "agent", 0, 4000, "这款产品保证");
        let customer = said(1, 1, "customer", 3000, 4000, "嗯");
        set.find(&[agent, customer, said(2, 0, speaker, 4000 + gap_ms, 6000 + gap_ms, "收益，您放心")], &context)
    };
    let found = cut(100, "agent");
    let Finding { matched, span, utterance_id, start_ms, end_ms, .. } = &found[0];
    assert_eq!((matched.as_str(), *span, *utterance_id), ("保证", Some([4, 6]), Some(0)));
    assert!(*start_ms < 4000 && (4100..6100).contains(end_ms), "{start_ms} {end_ms}");
    assert!(found[0].reason.contains("goes on"), "{}", found[0].reason);
    assert!(cut(5000, "agent").is_empty(), "too far apart");
    assert!(cut(100, "customer").is_empty(), "another speaker");
}

#[test]
fn a_phrase_that_guessed_times_cut_in_two_is_found_across_the_pause() {
    let set = words("保证收益");
    let cut = |pause_ms: u64, first: &str| {
        let guessed = |id: u32, start_ms: u64, text: &str| Utterance {
            time_precision: TimePrecision::Estimated,
            ..said(id, 0, "agent", start_ms, start_ms + 2000, text)
        };
        set.find(&[guessed(0, 0, first), guessed(1, 2000 + pause_ms, "证收益，您放心")], &Context::default()).len()
    };
    assert_eq!((cut(900, "这款产品保"), cut(9000, "这款产品保")), (1, 1));
    assert_eq!(cut(10_000, "这款产品保"), 0, "too far apart");
    assert_eq!(cut(900, "这款产品保。"), 0, "a sentence ends there");
}

#[test]
fn the_same_input_gives_the_same_findings_and_the_same_files_the_same_id() {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
    let text = |id: &str| format!("rules:\n  - {{id: {id}, category: c, severity: low, words: [保证, {id}]}}\n");
    let (a, b) = (file("a.yaml", &text("alpha")), file("b.yaml", &text("beta")));
    let one = RuleSet::compile("x", &[a.clone(), b.clone()]).unwrap();
    let other = RuleSet::compile("x", &[b.clone(), a]).unwrap();
    assert_eq!(one.id(), other.id());
    assert_ne!(one.id().sha256, RuleSet::compile("x", &[b]).unwrap().id().sha256);
    let text = "beta 保证 alpha 保证";
    assert_eq!(one.find_in_text(text), other.find_in_text(text));
    let ids: Vec<_> = one.find_in_text(text).into_iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["f1", "f2", "f3", "f4", "f5", "f6"]);
}
