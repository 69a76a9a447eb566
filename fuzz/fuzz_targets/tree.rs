//! Any numbers and hashes as a tree and as proofs: no panic, no endless work, and nothing holds that
//! nobody proved.

#![no_main]

use std::convert::Infallible;

use aiops::evidence::tree;
use aiops::evidence::tree::Hash;
use aiops::evidence::tree::Range;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, u32, Vec<[u8; 32]>, &str)| {
    let (first, second, level, hashes, json) = input;
    let hashes: Vec<Hash> = hashes.into_iter().map(Hash).collect();
    let some = tree::leaf(&[1; 32]);
    assert!(tree::verify_inclusion(first, second, some, &hashes, some).is_err() || first == 1);
    let consistent = tree::verify_consistency(first, second, some, some, &hashes);
    assert!(consistent.is_err() || first == second);
    let source = |_: u32, _: u64| Ok::<_, Infallible>(some);
    if let Ok(proof) = tree::proof(first, second, source) {
        assert!(proof.len() <= 64);
    }
    if let Ok(proof) = tree::consistency(first, second, source) {
        assert!(proof.len() <= 65);
    }
    if let Ok(mut range) = Range::from_parts(first, hashes.clone()) {
        let _ = range.push_subtree(level, some);
        range.push(some);
        assert_eq!(range.hashes().len() as u32, range.size().count_ones());
        let _ = range.root();
    }
    let _ = serde_json::from_str::<Range>(json);
});
