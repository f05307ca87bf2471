"""GLM-ASR's own SDK and OpenAI's, used as their users use them, against a service that claims to be GLM-ASR.

conformance.py URL KEY TIER SPEECH.wav

SPEECH.wav is 16-bit mono, under 30 s, with something said in it. Prints what is not as it should be and ends with 1, or
prints how many promises were kept.
"""

import io
import sys
import threading
import wave

import openai
import zai

URL, KEY, TIER, SPEECH = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
MODEL = "glm-asr-2512"
PROMISES = []


def promise(function):
    PROMISES.append(function)
    return function


def clip(seconds=None):
    """The speech, cut or followed by silence to be exactly so long."""
    with wave.open(SPEECH) as speech:
        rate, frames = speech.getframerate(), speech.readframes(speech.getnframes())
    if seconds is not None:
        length = round(rate * seconds) * 2
        frames = frames[:length] + bytes(length - len(frames[:length]))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(frames)
    return "clip.wav", file.getvalue()


def glm(key=KEY):
    client = zai.ZhipuAiClient(api_key=key, base_url=f"{URL}/api/paas/v4", max_retries=0)
    return lambda **fields: client.audio.transcriptions.create(**{"model": MODEL, "file": clip(), **fields})


def gpt(key=KEY, path="/v1"):
    client = openai.OpenAI(api_key=key, base_url=URL + path, max_retries=0)
    return lambda **fields: client.audio.transcriptions.create(**{"model": MODEL, "file": clip(), **fields})


def refusal(ask, kind, status, code):
    """`ask` raises `kind`, and the error says so itself."""
    try:
        ask()
    except kind as error:
        said = error.response.json()
        assert error.status_code == status, error.status_code
        assert said["error"]["code"] == code, said
        assert said["request_id"] and said["error"]["message"] and "param" in said["error"], said
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


@promise
def glm_answers_with_text_and_particulars():
    answer = glm()(stream=False, request_id="mine-0001")
    assert len(answer.text.split()) > 3, answer
    assert answer.request_id == "mine-0001" and answer.id and answer.model == MODEL and answer.created > 0, answer


@promise
def glm_streams_what_it_answers():
    *deltas, done = glm()(stream=True)
    assert deltas and {event.type for event in deltas} == {"transcript.text.delta"}, deltas
    assert done.type == "transcript.text.done" and done.text == "".join(event.delta for event in deltas), done
    assert done.text == glm()(stream=False).text


@promise
def glm_takes_every_field_it_documents():
    fields = {"prompt": "Chapter one.", "hotwords": ["Austen"], "user_id": "user-0001"}
    assert glm()(model="glm-asr", **fields).model == "glm-asr"


@promise
def glm_takes_thirty_seconds():
    assert glm()(file=clip(30)).text


@promise
def glm_refuses_more_than_thirty_seconds():
    refusal(lambda: glm()(file=clip(30.001)), zai.core.APIRequestFailedError, 400, "1214")


@promise
def glm_refuses_what_is_no_sound():
    refusal(lambda: glm()(file=("a.wav", b"not a sound")), zai.core.APIRequestFailedError, 400, "1214")


@promise
def glm_refuses_other_models():
    refusal(lambda: glm()(model="whisper-1"), zai.core.APIRequestFailedError, 400, "1211")


@promise
def glm_refuses_other_keys():
    refusal(glm("wrong.key"), zai.core.APIAuthenticationError, 401, "1000")


@promise
def gpt_answers_on_both_paths():
    assert gpt()().text == gpt(path="/api/paas/v4")().text == glm()().text


@promise
def gpt_has_segments_words_and_language():
    answer = gpt()(response_format="verbose_json", timestamp_granularities=["segment", "word"])
    assert answer.language == "english" and answer.duration > 1, answer
    first = answer.segments[0]
    assert 0 <= first.start < first.end <= answer.duration and first.text, first
    assert None not in (first.seek, first.tokens, first.temperature, first.avg_logprob), first
    assert None not in (first.compression_ratio, first.no_speech_prob), first
    assert len(answer.words) > 3 and answer.words[0].end >= answer.words[0].start, answer.words


@promise
def gpt_has_text():
    assert gpt()(response_format="text").strip() == gpt()().text


@promise
def gpt_has_subtitles():
    assert gpt()(response_format="srt").startswith("1\n00:00:")
    assert gpt()(response_format="vtt").startswith("WEBVTT\n\n00:")


@promise
def gpt_streams_what_it_answers():
    *deltas, done = gpt()(stream=True)
    assert done.type == "transcript.text.done" and done.text == "".join(event.delta for event in deltas), done


@promise
def gpt_takes_many_hotwords_and_a_language():
    assert gpt()(language="en", extra_body={"hotwords": ["Austen", "Northanger"]}).text


@promise
def gpt_refuses_other_keys():
    refusal(gpt("wrong"), openai.AuthenticationError, 401, "1000")


@promise
def gpt_refuses_more_than_thirty_seconds():
    refusal(lambda: gpt()(file=clip(31)), openai.BadRequestError, 400, "1214")


@promise
def gpt_sees_codes_in_its_own_errors():
    error = refusal(lambda: gpt()(extra_body={"user_id": "me"}), openai.BadRequestError, 400, "1214")
    assert error.code == "1214" and error.type == "invalid_request_error", error


def together(count, ask):
    """What `count` threads that begin at once come to: each a text, or an error."""
    barrier, outcomes = threading.Barrier(count), []

    def one():
        barrier.wait()
        try:
            outcomes.append(ask())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@promise
def the_tier_is_met_and_what_is_over_it_is_refused():
    outcomes = together(TIER + 4, lambda: glm()().text)
    refused = [error for error in outcomes if isinstance(error, Exception)]
    assert TIER <= len(outcomes) - len(refused) < TIER + 4, outcomes
    for error in refused:
        assert isinstance(error, zai.core.APIReachLimitError), repr(error)
        assert error.response.json()["error"]["code"] == "1302", error.response.text


@promise
def as_many_workers_as_the_tier_never_see_a_refusal():
    def work():
        ask = glm()
        return [ask(stream=False).text and [event.type for event in ask(stream=True)][-1] for _ in range(3)]

    outcomes = together(TIER, work)
    assert outcomes == [["transcript.text.done"] * 3] * TIER, outcomes


def main():
    broken = 0
    for kept in PROMISES:
        try:
            kept()
        except Exception as error:
            broken += 1
            print(f"{kept.__name__}: {type(error).__name__}: {error}")
    if not broken:
        print(f"{len(PROMISES)} promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
