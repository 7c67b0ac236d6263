//! Audio: a moment of silence as speech, a sentence as transcript.

use super::author::words;
use super::{Call, tokens};
use crate::check::Refusal;
use crate::encode;
use crate::faults::events::event;
use crate::reply::{Dialect, Piece, Reply, Role};
use crate::rng::{Rng, hash};
use serde_json::{Value, json};

pub(super) fn speech(call: &mut Call) -> Result<Reply, Refusal> {
    let read = tokens::count(call.text("input"));
    call.note.prompt_tokens = read;
    let (content_type, sound) = silence(call.text("response_format"));
    let written = read * 4;
    if call.text("stream_format") != "sse" {
        let mut reply = Reply::whole(200, content_type, sound);
        call.delay(&mut reply, written);
        return Ok(reply);
    }
    call.note.stream = true;
    let usage = json!({"input_tokens": read, "output_tokens": written, "total_tokens": read + written});
    let mut pace = call.pace();
    let mut pieces: Vec<Piece> = sound
        .chunks(512)
        .map(|part| {
            let data = json!({"type": "speech.audio.delta", "audio": encode::base64(part)});
            Piece { wait: pace.next(), ..Piece::new(Role::Content, event(None, &data)) }
        })
        .collect();
    let done = event(None, &json!({"type": "speech.audio.done", "usage": usage}));
    pieces.push(Piece { tokens: written, ..Piece::new(Role::Terminal, done) });
    Ok(Reply::events(Dialect::Named, pieces))
}

/// A tenth of a second of nothing: a whole WAV file, raw samples, or MP3 frames; of the other formats only the first
/// bytes are right.
fn silence(format: &str) -> (&'static str, Vec<u8>) {
    match format {
        "wav" => ("audio/wav", wav(&[0; 1600])),
        "pcm" => ("audio/pcm", vec![0; 4800]),
        "opus" => ("audio/opus", [b"OggS".as_slice(), &[0; 60]].concat()),
        "aac" => ("audio/aac", [[0xff, 0xf1].as_slice(), &[0; 62]].concat()),
        "flac" => ("audio/flac", [b"fLaC".as_slice(), &[0; 60]].concat()),
        _ => {
            // MPEG-1 layer III, 128 kbit/s, 44.1 kHz: a frame is 417 bytes.
            let mut frame = vec![0; 417];
            frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x64]);
            ("audio/mpeg", frame.repeat(4))
        }
    }
}

/// A WAV file: mono, 16 bits, 8 kHz.
fn wav(samples: &[u8]) -> Vec<u8> {
    let length = u32::try_from(samples.len()).unwrap_or(0);
    let mut file = Vec::with_capacity(samples.len() + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(length + 36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&[1, 0, 1, 0]);
    file.extend_from_slice(&8000_u32.to_le_bytes());
    file.extend_from_slice(&16_000_u32.to_le_bytes());
    file.extend_from_slice(&[2, 0, 16, 0]);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(samples);
    file
}

pub(super) fn transcription(call: &mut Call) -> Result<Reply, Refusal> {
    let sound = call.files.first().map(|file| file.bytes.clone()).unwrap_or_default();
    let heard = words(&mut Rng::of(call.provider.options.seed, hash(&sound)), 6);
    let read = u32::try_from(sound.len().div_ceil(1000)).unwrap_or(u32::MAX);
    call.note.prompt_tokens = read;
    let written = tokens::count(&heard);
    let usage = json!({"type": "tokens", "input_tokens": read, "output_tokens": written, "total_tokens": read + written,
        "input_token_details": {"audio_tokens": read, "text_tokens": 0}});
    if call.streams() {
        return Ok(stream(call, &heard, &usage));
    }
    let mut reply = match call.text("response_format") {
        "text" => Reply::whole(200, "text/plain; charset=utf-8", format!("{heard}\n")),
        "srt" => {
            Reply::whole(200, "text/plain; charset=utf-8", format!("1\n00:00:00,000 --> 00:00:01,000\n{heard}\n\n"))
        }
        "vtt" => {
            Reply::whole(200, "text/vtt; charset=utf-8", format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{heard}\n\n"))
        }
        "verbose_json" => Reply::json(200, &verbose(&heard)),
        "diarized_json" => Reply::json(200, &diarized(&heard, &usage)),
        _ if call.request.path().ends_with("/translations") => Reply::json(200, &json!({"text": heard})),
        _ => Reply::json(200, &json!({"text": heard, "usage": usage})),
    };
    call.delay(&mut reply, written);
    Ok(reply)
}

fn verbose(heard: &str) -> Value {
    let segment = json!({"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": heard, "tokens": [1, 2, 3],
        "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.01});
    json!({"task": "transcribe", "language": "english", "duration": 1.0, "text": heard, "segments": [segment],
        "usage": {"type": "duration", "seconds": 1}})
}

fn diarized(heard: &str, usage: &Value) -> Value {
    let segment = json!({"type": "transcript.text.segment", "id": "seg_0", "start": 0.0, "end": 1.0, "text": heard, "speaker": "A"});
    json!({"task": "transcribe", "duration": 1.0, "text": heard, "segments": [segment], "usage": usage})
}

fn stream(call: &mut Call, heard: &str, usage: &Value) -> Reply {
    let mut pace = call.pace();
    let mut pieces: Vec<Piece> = tokens::pieces(heard)
        .map(|token| {
            let data = event(None, &json!({"type": "transcript.text.delta", "delta": token}));
            Piece { wait: pace.next(), tokens: 1, ..Piece::new(Role::Content, data) }
        })
        .collect();
    let done = event(None, &json!({"type": "transcript.text.done", "text": heard, "usage": usage}));
    pieces.push(Piece::new(Role::Terminal, done));
    Reply::events(Dialect::Named, pieces)
}
