//! Any text as a note, a checkpoint, a proof, a public and a secret key: no panic, and what is read
//! is written as it was.

#![no_main]

use aiops::evidence::note::Checkpoint;
use aiops::evidence::note::Note;
use aiops::evidence::note::Proof;
use aiops::evidence::note::Signer;
use aiops::evidence::note::Verifier;
use aiops::evidence::tree;
use libfuzzer_sys::fuzz_target;

/// Its secret is nowhere in what a fuzzer finds.
const KNOWN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fuzz_target!(|text: &str| {
    let known = [Verifier::parse(KNOWN).unwrap()];
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
        if let Ok(verified) = note.verify(&known) {
            // The one text that this key is known to have signed.
            assert!(verified.text().starts_with("If you think cryptography"));
        }
        assert!(Checkpoint::believe(&note, &known).is_err());
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(proof.to_string(), text);
        assert!(proof.verify(tree::leaf(&[0; 32]), &known).is_err());
    }
    if let Ok(key) = Verifier::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = Signer::parse(text) {
        assert_eq!(*key.secret(), text);
    }
});
