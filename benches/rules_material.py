"""Words and text for benches/rules.py: the same from every run, like calls in Chinese and English.

The vocabulary is that of the fixtures' transcripts, with characters of the national standard's first level and words
made of English syllables beside it, so that a hundred thousand keywords differ and share their beginnings.
"""

import json
import pathlib
import random
import re

SEED = 20_260_101
CALL_CHARACTERS = 2_000
CHARACTERS_PER_KEYWORD = 500
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "tests/fixtures"
ONSETS = "b c d f g h j k l m n p r s t v w br cl dr fl gr pl pr sh st str th tr".split()
VOWELS = "a e i o u ai ea io ou".split()
CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "nd", "st", "ng", "ck"]
ENDINGS = ["", "", "", "", "ing", "ed", "er", "tion", "ly", "s"]


def transcripts() -> str:
    items = json.loads((FIXTURES / "manifest.json").read_text())["items"]
    texts = [path.read_text() for path in sorted(FIXTURES.rglob("*.txt"))]
    texts += [json.dumps(item.get("transcript") or "", ensure_ascii=False) for item in items]
    return "\n".join(texts)


class Material:
    """Seeded; `keywords` first, then `calls` with them."""

    def __init__(self):
        self.random = random.Random(SEED)
        text = transcripts()
        # How often a character stands in calls, with all of level one behind them, seldom.
        self.common = [c for c in text if "一" <= c <= "鿿"]
        self.level_one = [bytes([row, cell]).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFA)]
        self.chinese = re.findall(r"[一-鿿，。？]{6,40}", text)
        self.english = [word.lower() for word in re.findall(r"[A-Za-z']{2,}", text)]

    def chinese_word(self, length: int) -> str:
        # Two common characters are a word of every other sentence.
        source = lambda: self.common if length > 2 and self.random.random() < 0.4 else self.level_one
        return "".join(self.random.choice(source()) for _ in range(length))

    def english_word(self, syllables: int) -> str:
        pick = self.random.choice
        return "".join(pick(ONSETS) + pick(VOWELS) + pick(CODAS) for _ in range(syllables)) + pick(ENDINGS)

    def keywords(self, count: int) -> list[str]:
        """Half Chinese of two to six characters, half English of one to three words."""
        chinese, english = {}, {}
        while len(chinese) < count // 2:
            chinese[self.chinese_word(self.random.choices((2, 3, 4, 5, 6), (10, 20, 50, 10, 10))[0])] = None
        while len(english) < count - count // 2:
            parts = self.random.choices((1, 2, 3), (50, 35, 15))[0]
            words = [self.english_word(self.random.choice((2, 2, 3))) for _ in range(parts)]
            if parts > 1:
                # Two words of the vocabulary side by side are in texts made of it all the time.
                words[self.random.randrange(parts)] = self.random.choice(self.english)
            phrase = " ".join(words)
            if len(phrase) > 4:
                english[phrase] = None
        words = list(chinese) + list(english)
        self.random.shuffle(words)
        return words

    def call(self, keywords: list[str]) -> str:
        """About CALL_CHARACTERS of one language, as it is heard, with a keyword here and there."""
        is_chinese = self.random.random() < 0.5
        pieces, length, until_keyword = [], 0, self.random.randint(0, 2 * CHARACTERS_PER_KEYWORD)
        own = [word for word in self.random.sample(keywords, 20) if ("一" <= word[0] <= "鿿") == is_chinese]
        while length < CALL_CHARACTERS:
            if until_keyword < 0 and own:
                piece = own.pop()
                until_keyword = self.random.randint(0, 2 * CHARACTERS_PER_KEYWORD)
            elif is_chinese:
                piece = self.random.choice(self.chinese) if self.random.random() < 0.5 else self.chinese_word(8)
            else:
                words = [self.random.choice(self.english) if self.random.random() < 0.8 else self.english_word(3) for _ in range(8)]
                piece = " ".join(words).capitalize() + self.random.choice((".", ",", "?"))
            piece += self.random.choice("，。") if is_chinese else " "
            pieces.append(piece)
            length += len(piece)
            until_keyword -= len(piece)
        return "".join(pieces)

    def calls(self, keywords: list[str], size_bytes: int) -> list[str]:
        calls, size = [], 0
        while size < size_bytes:
            calls.append(self.call(keywords))
            size += len(calls[-1].encode())
        return calls
