//! Words that stand in nearly every call, and longer ones that hold short words by accident.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Sayings of every call that hold short words across their seams, or words of which short ones are a syllable.
pub(super) const SEAMS: &str = "
    路口交通 出口交货 窗口交费 干净 能干 干部 干什么 干扰 若干 女儿 子女 共产党 三黄片 大麻烦 国产片 性能 性别
    下流程 打死机 股东西 不良率 日期 毒性 色彩
";

/// What is said in nearly every call, whatever it is about; a rule that finds one of these finds nothing else.
const CHINESE: &str = "
    的 了 是 我 你 您 他 她 它 在 有 和 就 不 也 都 说 要 去 会 对 好 吗 呢 吧 啊 嗯 哦 喂 这 那 哪 谁 几 多 很 太 再 还
    我们 你们 他们 她们 咱们 大家 自己 别人 人家 这个 那个 这些 那些 这样 那样 这里 那里 这边 那边 这么 那么
    哪个 哪里 哪些 什么 怎么 多少 为什么 怎么样 怎么办 什么时候 是不是 有没有 能不能 可不可以 对不对 好不好 行不行
    是的 不是 对的 不对 好的 不好 可以 不可以 没有 没事 没关系 不客气 不用 不要 不行 不会 不能 不知道 知道 明白
    了解 清楚 觉得 认为 希望 想要 需要 应该 可能 必须 一定 肯定 确实 其实 当然 真的 还是 或者 而且 但是 不过 因为
    所以 如果 然后 就是 只是 只有 只要 还有 以后 之后 以前 之前 现在 刚才 刚刚 马上 已经 正在 一直 经常 有时候
    今天 明天 昨天 后天 前天 上午 下午 中午 晚上 早上 时候 时间 小时 分钟 星期 上周 下周 本周 这个月 上个月 下个月
    今年 明年 去年 工作日 周末 一个 两个 几个 一些 一下 一点 一样 一起 第一 最后 所有 全部 每个 其他 另外 比如
    请问 麻烦 谢谢 感谢 多谢 你好 您好 再见 拜拜 抱歉 对不起 不好意思 请稍等 稍等 等一下 听得到 听得见 方便 先生
    女士 小姐 老师 客户 客服 公司 电话 手机 号码 手机号 短信 地址 名字 姓名 情况 问题 事情 东西 地方 办法 方式 方面
    部门 同事 朋友 家里 孩子 工作 生活 产品 服务 业务 信息 资料 系统 平台 网站 订单 价格 费用 金额 活动 合同 银行
    账户 卡号 银行卡 身份证 打电话 帮忙 帮您 帮你 联系 查询 查一下 看一下 问一下 说一下 处理 解决 办理 申请 登记
    核实 确认 提供 告诉 通知 介绍 反馈 收到 看到 听到 开始 结束 使用 选择 继续 考虑 准备 打算 喜欢 感觉 出来 过来
    起来 下来 回来 过去 出去 进去 里面 外面 上面 下面 前面 后面 旁边 中间
";
const ENGLISH: &str = "
    a an the this that these those i me my mine you your yours he him his she her it its we us our they them their who
    what which when where why how all any both each every few more most much many some such no not none only own same
    other another and or but if then than so because as until while of at by for with about against between into through
    during before after above below to from up down in out on off over under again once here there now just very too
    also still even ever never always often maybe perhaps well yes yeah yep nope ok okay right sure fine good great
    nice bad best better sorry please thanks thank hello hi hey bye goodbye morning afternoon evening night today
    tomorrow yesterday week month year day hour minute second time date number name address email phone call calling
    called speak speaking talk tell told say said ask asked help helping let put take taking took give given gave get
    getting got go going gone went come coming came see seen saw look looking hear know known knew think thought want
    wanted need needed like liked use used using make making made do does did doing done have has had having be am is
    are was were been being can could will would shall should may might must thing things something anything nothing
    everything someone anyone everyone people person sir madam customer company service team account order product
    price information question problem issue line moment bit lot back first last next one two three four five six seven
    eight nine ten
";

static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| CHINESE.split_whitespace().chain(ENGLISH.split_whitespace()).collect());

/// Whether `word`, folded, is said in nearly every call.
pub(super) fn is_common(word: &str) -> bool {
    COMMON.contains(word)
}

/// Words of Chinese that are longer than one character and said in nearly every call.
pub(super) fn chinese() -> impl Iterator<Item = &'static str> {
    CHINESE.split_whitespace().filter(|word| word.chars().nth(1).is_some())
}

/// What an expression must not match: how most calls begin and go on, and the commonest words by themselves.
pub(super) fn talk() -> impl Iterator<Item = &'static str> {
    let sentences =
        ["您好，请问有什么可以帮您", "嗯，好的，那我明天下午再来问一下", "Good morning, how can I help you?", "7"];
    COMMON_ALONE.into_iter().chain(sentences)
}

const COMMON_ALONE: [&str; 12] = ["的", "我", "您", "是", "好", "不", "嗯", "the", "you", "I", "and", "yes"];

#[cfg(test)]
mod tests {
    use super::*;
    use earmark_words::Passage;

    #[test]
    fn the_words_of_the_table_stand_there_once_and_folded() {
        let words: Vec<&str> = CHINESE.split_whitespace().chain(ENGLISH.split_whitespace()).collect();
        assert!(words.len() > 400, "{}", words.len());
        for (number, word) in words.iter().enumerate() {
            assert_eq!(Passage::of(word).folded_text(), **word);
            assert!(!words[..number].contains(word), "{word} stands twice");
        }
    }
}
