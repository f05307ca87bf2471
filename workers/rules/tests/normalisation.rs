//! What counts as the same word: each kind of difference, on and off, and what was once heard wrongly.

use earmark_core::FindingKind::{self, Exact, Folded, Homophone, Pattern};
use earmark_core::{Severity, Speaker, TimePrecision, Utterance};
use earmark_rules::{Context, RuleSet, SourceFile};

fn rules(body: &str) -> RuleSet {
    let text = format!("rules:\n  - id: r\n    category: c\n    severity: high\n    {body}\n");
    match RuleSet::compile("test", &[SourceFile { path: "rules.yaml".into(), text }]) {
        Ok(set) => set,
        Err(errors) => panic!("{errors} in {body}"),
    }
}

/// Utterance number `id`, a second after the one before.
fn said(id: u32, text: &str) -> Utterance {
    Utterance {
        id,
        channel: 0,
        speaker: Speaker::unknown(),
        start_ms: u64::from(id) * 1000,
        end_ms: u64::from(id) * 1000 + 900,
        time_precision: TimePrecision::Estimated,
        language: None,
        text: text.into(),
        words: Vec::new(),
    }
}

/// Rest of the rule, text, what is found in it.
type Case = (&'static str, &'static str, &'static [(&'static str, FindingKind)]);

fn check(cases: &[Case]) {
    for (body, text, expected) in cases {
        let found = rules(body).find_in_text(text);
        let chars: Vec<char> = text.chars().collect();
        for finding in &found {
            let [start, end] = finding.span.expect("words have a place");
            assert_eq!(chars[start..end].iter().collect::<String>(), finding.matched, "{body} in {text}");
        }
        let found: Vec<_> = found.iter().map(|finding| (finding.matched.as_str(), finding.kind)).collect();
        assert_eq!(&found, expected, "{body} in {text}");
    }
}

#[test]
fn known_false_alarms_are_none_and_known_mishearings_are_heard() {
    check(&[
        ("words: [口交]\n    except: [路口交通]", "前面路口交通拥堵", &[]),
        ("words: [三黄]\n    except: [三黄片]", "吃点三黄片", &[]),
        ("words: [产党]\n    except: [共产党]", "中国共产党", &[]),
        ("words: ['69']", "695 和 69", &[("69", Exact)]),
        ("words: ['69']", "六九五 和 六九", &[("六九", Folded)]),
        ("words: ['22']", "22b", &[]),
        ("words: [star]", "the stars", &[]),
        ("words: [女]\n    except: [女儿]", "我女儿", &[]),
        ("words: [干]\n    except: [干净, 能干, 干了, 干什么]", "干净能干", &[]),
        ("words: [加微信]\n    homophones: {min_chars: 3}", "您加威信吧", &[("加威信", Homophone)]),
        ("words: [保本保息]", "薄本保锡的产品", &[("薄本保锡", Homophone)]),
        ("words: [退费申请]", "提交推飞神情", &[("推飞神情", Homophone)]),
        ("words: [银保监会]", "打给饮饱监会", &[("饮饱监会", Homophone)]),
    ]);
}

#[test]
fn numbers_are_found_in_all_spellings_and_only_whole() {
    check(&[
        ("words: ['12315']", "打一二三一五", &[("一二三一五", Folded)]),
        ("words: ['12315']", "打幺二三幺五", &[("幺二三幺五", Folded)]),
        ("words: ['12315']", "打壹貳叁壹伍", &[("壹貳叁壹伍", Folded)]),
        ("words: ['12315']", "打１２３１５", &[("１２３１５", Folded)]),
        ("words: ['123']", "①②③", &[("①②③", Folded)]),
        ("words: ['12315']", "打一二三一五六", &[]),
        ("words: [一二三一五]", "打12315", &[("12315", Folded)]),
        ("words: [一二三一五]", "打12315吧", &[("12315", Folded)]),
        ("words: [一二三一五]", "打123156", &[]),
        ("words: [一定保本]", "一定保本", &[("一定保本", Exact)]),
        ("words: [一定保本]", "1定保本", &[("1定保本", Folded)]),
        ("words: [一定保本]", "11定保本", &[]),
        ("words: [一定保本]", "十一定保本", &[("一定保本", Exact)]),
        ("words: ['12']", "十二", &[("十二", Folded)]),
        ("words: ['12']", "五十二", &[]),
        ("words: ['2']", "十二", &[]),
        ("words: [十二个月]", "12个月", &[("12个月", Folded)]),
        ("words: [12个月]", "十二个月", &[("十二个月", Folded)]),
        ("words: [一百二十万]", "120万", &[("120万", Folded)]),
        ("words: ['30000']", "三万块", &[("三万", Folded)]),
        ("words: ['3000']", "3,000 元", &[("3,000", Folded)]),
        ("words: ['3,000']", "三千 元", &[("三千", Folded)]),
        ("words: ['2.5']", "二点五", &[("二点五", Folded)]),
        ("words: [二点五]", "2.5", &[("2.5", Folded)]),
        ("words: ['5']", "2.5", &[]),
        ("words: ['25']", "2.5", &[]),
        ("words: ['保证…{3}十二个月']", "保证你有12个月", &[("保证你有12个月", Pattern)]),
        ("words: ['翻…{2}2倍']", "翻了二倍", &[("翻了二倍", Pattern)]),
        ("words: ['翻…{2}二倍']", "翻了你我2倍", &[]),
        ("words: ['12']\n    normalise: {numerals: false}", "十二，12", &[("12", Exact)]),
        ("words: [一定保本]\n    normalise: {numerals: false}\n    homophones: false", "1定保本", &[]),
    ]);
}

#[test]
fn fillers_and_repeats_inside_a_word_are_looked_past() {
    check(&[
        ("words: [保证收益]", "保证嗯收益", &[("保证嗯收益", Folded)]),
        ("words: [保证收益]", "嗯保证收益啊", &[("保证收益", Exact)]),
        ("words: [加微信]", "加那个微信", &[("加那个微信", Folded)]),
        ("words: [加微信]", "加，就是说，微信", &[("加，就是说，微信", Folded)]),
        ("words: [no risk]", "no, um, risk", &[("no, um, risk", Folded)]),
        ("words: [no risk]", "no you know risk", &[("no you know risk", Folded)]),
        ("words: [no risk]", "no umbrella risk", &[]),
        ("words: [那个人骗钱]", "那个人骗钱", &[("那个人骗钱", Exact)]),
        ("words: [那个人骗钱]", "那个人骗骗钱", &[("那个人骗骗钱", Folded)]),
        ("words: [那个人骗钱]", "人骗骗钱", &[]),
        ("words: [保证收益]", "保保证收益", &[("保证收益", Exact)]),
        ("words: [保证收益]", "保证收收益", &[("保证收收益", Folded)]),
        ("words: [保证收益]", "保嗯保证收收益", &[("保嗯保证收收益", Folded)]),
        ("words: [稳赚不赔]", "稳赚不赚不赔", &[("稳赚不赚不赔", Folded)]),
        ("words: [no risk at all]", "no risk risk at all", &[("no risk risk at all", Folded)]),
        ("words: [天天返利]", "天返返利", &[]),
        ("words: ['10']", "110", &[]),
        ("words: [保本保息]", "薄本嗯保锡", &[("薄本嗯保锡", Homophone)]),
        ("words: [保证收益]\n    except: [不能保证收益]", "不能嗯保证收益", &[]),
        ("words: [保证收益]\n    normalise: {fillers: false}", "保证嗯收益", &[]),
        ("words: [保证收益]\n    normalise: {fillers: false}", "保证收收益", &[("保证收收益", Folded)]),
        ("words: [保证收益]\n    normalise: {repeats: false}", "保证收收益", &[]),
        ("words: [保证收益]\n    normalise: {repeats: false}", "保证嗯收益", &[("保证嗯收益", Folded)]),
    ]);
}

#[test]
fn split_characters_are_put_together_on_request() {
    check(&[
        ("words: [强迫]", "弓虽迫", &[]),
        ("words: [强迫]\n    normalise: {split_characters: true}", "弓虽迫", &[("弓虽迫", Folded)]),
        ("words: [骗钱]\n    normalise: {split_characters: true}", "马扁钅戋", &[("马扁钅戋", Folded)]),
    ]);
}

#[test]
fn each_kind_of_difference_can_be_switched_off() {
    check(&[
        ("words: [加QQ]", "加ＱＱ", &[("加ＱＱ", Folded)]),
        ("words: [加QQ]\n    normalise: {width: false}", "加ＱＱ，加QQ，加qq", &[("加QQ", Exact), ("加qq", Folded)]),
        ("words: [加QQ]\n    normalise: {case: false}", "加qq，加ＱＱ", &[("加ＱＱ", Folded)]),
        ("words: [保证收益]\n    normalise: {traditional: false}\n    homophones: false", "保證收益", &[]),
        ("words: [保证收益]\n    normalise: {punctuation: false}", "保证，收益", &[]),
        ("words: [保证收益]\n    normalise: {punctuation: false}", "保证 收益", &[("保证 收益", Folded)]),
        ("words: [保证收益]\n    normalise: {spaces: false}", "保证 收益，保证，收益", &[("保证，收益", Folded)]),
        ("words: [no risk]\n    normalise: {spaces: false}", "no risk", &[("no risk", Exact)]),
        (
            "words: [No Risk]\n    normalise: false",
            "no risk. No Risk. No  Risk",
            &[("No Risk", Exact), ("No  Risk", Folded)],
        ),
        (
            "words: [加…微信]\n    normalise: false",
            "加我微信，加我 微信",
            &[("加我微信", Pattern), ("加我 微信", Pattern)],
        ),
        ("words: [加…微信]\n    normalise: false\n    homophones: false", "加我微 信", &[]),
        ("words: [保证收益]\n    normalise: true", "保證嗯收益", &[("保證嗯收益", Folded)]),
    ]);
}

#[test]
fn matching_by_sound_has_its_conditions() {
    let three = "words: [加微信]\n    homophones: {min_chars: 3}";
    check(&[
        ("words: [加微信]", "您加威信", &[]),
        (three, "您加威信", &[("加威信", Homophone)]),
        ("words: [加微信]\n    homophones: {min_chars: 3}", "增加威信的事", &[("加威信", Homophone)]),
        ("words: [加微信]\n    homophones: {min_chars: 3}", "您加为新吧", &[("加为新", Homophone)]),
        ("words: [加微信]\n    homophones: {min_chars: 3}", "增加为新的", &[]),
        ("words: [加微信]\n    homophones: {min_chars: 3, tones: true}", "您加为新吧", &[]),
        ("words: [保本保息]\n    homophones: {tones: true}", "宝本宝西", &[("宝本宝西", Homophone)]),
        ("words: [保本保息]\n    homophones: {tones: true}", "报本报系", &[]),
        ("words: [保本保息]", "报本报系", &[("报本报系", Homophone)]),
        ("words: [零风险投资]", "零封险投资", &[("零封险投资", Homophone)]),
        ("words: [年化收益]", "连华收益", &[]),
        ("words: [年化收益]\n    homophones: {fuzzy: [n-l]}", "连华收益", &[("连华收益", Homophone)]),
        ("words: [年化收益]\n    homophones: {fuzzy: [z-zh]}", "连华收益", &[]),
        ("words: [保两本息]", "堡二笨西", &[("堡二笨西", Homophone)]),
        ("words: [年化收益]\n    homophones: {fuzzy: [n-l]}", "连嗯华收益", &[("连嗯华收益", Homophone)]),
        ("words: [年化收益]\n    homophones: {fuzzy: true}", "娘发搜益", &[("娘发搜益", Homophone)]),
        ("words: [年…收益]\n    homophones: {fuzzy: true}", "娘发收音", &[]),
        ("words: [一本万利]", "以本万利", &[("以本万利", Homophone)]),
        ("words: [要本万利]", "1本万利", &[("1本万利", Homophone)]),
        ("words: [要本万利]", "11本万利", &[]),
    ]);
}

#[test]
fn a_wide_bound_holds_for_long_words_and_where_fillers_are_looked_past() {
    // All different: the same again at once would be looked past.
    let word = |number: u8| {
        format!("internationalization{}{} ", char::from(b'a' + number / 20), char::from(b'a' + number % 20))
    };
    let long: String = (0..40).map(word).collect();
    let set = rules("words: ['no risk…{40}gain']");
    for (text, count) in [
        (format!("no um risk {long}gain"), 1),
        (format!("no risk {long}ga um in"), 0),
        (format!("no um risk {long}more gain"), 0),
    ] {
        assert_eq!(set.find_in_text(&text).len(), count, "{text}");
    }
    let set = rules("words: [gain]\n    except: ['never…{40}', '…{40}is false']");
    for (text, count) in [
        (format!("never {long}gain"), 0),
        (format!("never {long}more gain"), 1),
        (format!("gain {long}is false"), 0),
        (format!("gain {long}more is false"), 1),
    ] {
        assert_eq!(set.find_in_text(&text).len(), count, "{text}");
    }
}

#[test]
fn a_hit_by_merged_sounds_names_them() {
    for (fuzzy, phrase, text, reason) in [
        ("[n-l]", "年化收益", "连华收益", "c：听到“连华收益”，与“年化收益”近音（不分n和l）"),
        ("true", "年化收益", "连华收益", "c：听到“连华收益”，与“年化收益”近音（不分n和l）"),
        ("true", "年化收益", "娘发搜益", "c：听到“娘发搜益”，与“年化收益”近音（不分s和sh、f和h、ian和iang）"),
        ("true", "年化收益", "年话收益", "c：听到“年话收益”，与“年化收益”同音"),
        (
            "true",
            "高息理财…保证收益",
            "高息理财一定保增收益",
            "c：听到“高息理财一定保增收益”，与“高息理财…保证收益”近音（不分z和zh）",
        ),
        ("true", "年化收益", "连华嗯收益", "c：听到“连华嗯收益”，与“年化收益”近音（不分n和l）"),
    ] {
        let found = rules(&format!("words: [{phrase}]\n    homophones: {{fuzzy: {fuzzy}}}")).find_in_text(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].reason, reason);
    }
    let context = Context { language: Some("en".into()), ..Context::default() };
    let set = rules("words: [年化收益]\n    homophones: {fuzzy: true}");
    let found = set.find(&[said(0, "娘发搜益")], &context);
    let reason =
        "c: heard “娘发搜益”, which sounds like “年化收益” where s and sh, f and h, ian and iang are one sound";
    assert_eq!(found[0].reason, reason);
}

#[test]
fn a_finding_carries_the_form_that_matched() {
    for (body, text, matched, normal) in [
        ("words: [保證收益]", "保證，收益", "保證，收益", "保证收益"),
        ("words: [保证收益]", "保证嗯收益", "保证嗯收益", "保证收益"),
        ("words: [保证收益]", "保证收收益", "保证收收益", "保证收益"),
        ("words: ['12315']", "幺二三幺五", "幺二三幺五", "12315"),
        ("words: ['30000']", "三万块", "三万", "30000"),
        ("words: [12个月]", "12个月", "12个月", "12个月"),
        ("words: [no risk]", "no, um, risk", "no, um, risk", "norisk"),
        ("words: [强迫]\n    normalise: {split_characters: true}", "弓虽迫", "弓虽迫", "强迫"),
    ] {
        let found = rules(body).find_in_text(text);
        assert_eq!((found[0].matched.as_str(), found[0].normal.as_deref()), (matched, Some(normal)), "{text}");
    }
}

#[test]
fn english_is_matched_beyond_its_spelling_on_request() {
    check(&[
        ("words: [authorised refund]", "authorized refund", &[]),
        (
            "words: [authorised refund]\n    english: {spelling_variants: true}",
            "an authorized refund",
            &[("authorized refund", Folded)],
        ),
        (
            "words: [favorite color]\n    english: {spelling_variants: true}",
            "favourite colour",
            &[("favourite colour", Folded)],
        ),
        ("words: [cheque]\n    english: {spelling_variants: true}", "check", &[]),
        ("words: [guaranteed returns]", "garanteed returns", &[]),
        (
            "words: [guaranteed returns]\n    english: {sound_alikes: true}",
            "garanteed returns",
            &[("garanteed returns", Homophone)],
        ),
        (
            "words: [guaranteed returns]\n    english: {sound_alikes: true}",
            "guaranteed returns",
            &[("guaranteed returns", Exact)],
        ),
        (
            "words: [we will … arrested]\n    english: {sound_alikes: true}",
            "we will have you arested",
            &[("we will have you arested", Homophone)],
        ),
        ("words: [pin]\n    english: {sound_alikes: true}", "pen", &[]),
        (
            "words: [guaranteed returns]\n    english: {sound_alikes: true}",
            "garanteed, um, returns",
            &[("garanteed, um, returns", Homophone)],
        ),
    ]);
    let capped =
        rules("words: [guaranteed returns]\n    english: {sound_alikes: true}\n    homophones: {max_severity: low}");
    assert_eq!(capped.find_in_text("garanteed returns")[0].severity, Severity::Low);
}

#[test]
fn patterns_are_found_beside_words_and_cut_out_what_they_match() {
    check(&[
        (r"patterns: ['\d{3}-\d{4}']", "call 555-1234 now", &[("555-1234", Pattern)]),
        (r"patterns: ['\$\d+']", "pay $500!", &[("$500", Pattern)]),
        (r"patterns: ['wire (me|us)']", "WIRE ME the money", &[("WIRE ME", Pattern)]),
        (r"patterns: ['(?-i)wire']", "WIRE wire", &[("wire", Pattern)]),
        (r"patterns: ['[加十]\s?[vV薇]']", "你加V吧", &[("加V", Pattern)]),
        ("words: [微信]\n    patterns: ['QQ\\d+']", "微信或者QQ123", &[("微信", Exact), ("QQ123", Pattern)]),
        ("patterns: ['收益']\n    except: [没有收益]", "没有收益，收益", &[("收益", Pattern)]),
        (r"patterns: ['[!?]{2}']", "what?!", &[]),
    ]);
}

#[test]
fn a_pattern_that_cannot_be_used_is_refused_where_it_stands() {
    let compile = |pattern: &str| {
        let text =
            format!("rules:\n  - id: r\n    category: c\n    severity: high\n    patterns:\n      - '{pattern}'\n");
        RuleSet::compile("test", &[SourceFile { path: "rules.yaml".into(), text }]).unwrap_err().to_string()
    };
    assert_eq!(compile("(ab"), "rules.yaml:6:9: `(ab` is no regular expression: unclosed group");
    assert_eq!(compile("a*"), "rules.yaml:6:9: `a*` can match where nothing stands");
    assert!(compile("(?=a)").contains("look-around"), "{}", compile("(?=a)"));
}

#[test]
fn pieces_of_one_sentence_are_reduced_across_utterances() {
    let found = rules("words: [保证收益]").find(&[said(0, "我们保证嗯"), said(1, "那个，收益")], &Context::default());
    assert_eq!((found[0].matched.as_str(), found[0].span, found[0].utterance_id), ("保证嗯", Some([2, 5]), Some(0)));
}
