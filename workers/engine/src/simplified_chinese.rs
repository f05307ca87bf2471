//! Simplified characters, whatever script the model learned a phrase in.

use crate::vocabulary::Vocabulary;

/// What Mandarin is called among a model's languages.
pub(crate) const MANDARIN: &str = "zh";

/// The characters of Whisper's vocabulary that only the traditional script has. (The vocabulary is the same for all
/// its models; rarer characters are spelled in bytes there and cannot be told from simplified ones.)
const TRADITIONAL: &str = "並亞來係個們備傳傷僕價億兒內兩別則剛動務勝區厲參員問單嗎囉國團報場塊壓夠夢媽學宮實將專對導島師帶幫幹\
    幾張強後從愛態應戰戲換擊據數於時書會東條業構樂標樣樹橋機權歡歲殺氣決沒況準滿澤灣為無熱爾現產畫當發眾確種稱節簡紀約紅級細紹終\
    組結給統經網緊線練總繼續羅義習聞聯聲聽腳與興舉華萬葉處號裝裡見視親覺觀訂計記設許訴評試話該認語說誰調談請論講謝識議護變讓讚買\
    費資質賽車軍較輕轉辦這連週進遊運過達違遠選還邊醫錢錯録鐘長門開間閱關陳陽隊際隨險隻離難電預頭頻顆題願類顯風飛飯馬體魚麼黃點\
    黨龍";

/// The tokens that Mandarin does without: forbidden, the model takes their simplified counterparts.
pub(crate) fn traditional_tokens(vocabulary: &Vocabulary) -> Vec<i32> {
    vocabulary.tokens_with(|value| TRADITIONAL.contains(value))
}
