//! The rule set that comes with earmark.

use earmark_rule_files::SourceFile;

pub(crate) const NAME: &str = "starter";

const FILES: [(&str, &str); 5] = [
    ("conduct.yaml", include_str!("../../starter/conduct.yaml")),
    ("en.yaml", include_str!("../../starter/en.yaml")),
    ("privacy.yaml", include_str!("../../starter/privacy.yaml")),
    ("recording-notice.yaml", include_str!("../../starter/recording-notice.yaml")),
    ("zh.yaml", include_str!("../../starter/zh.yaml")),
];

pub(crate) fn files() -> Vec<SourceFile> {
    FILES.iter().map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() }).collect()
}
