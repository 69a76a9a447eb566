use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Digest as _;
use sha2::Sha256;

use super::*;

/// The leaves of Certificate Transparency's reference tests. Their data is of many lengths, while
/// ours is always a hash, so they are hashed here.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

/// The roots of their first one to eight leaves.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, size and proof of inclusion in those trees.
const INCLUSIONS: [(u64, u64, &[&str]); 4] = [
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        3,
        &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    ),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Sizes and proof of consistency of those trees.
const CONSISTENCIES: [(u64, u64, &[&str]); 4] = [
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

fn known_leaves() -> Vec<Hash> {
    LEAVES
        .iter()
        .map(|data| Hash(Sha256::digest([&[0], *data].concat()).into()))
        .collect()
}

fn known(digits: &str) -> Hash {
    Hash::from_hex(digits).unwrap()
}

fn root(leaves: &[Hash]) -> Hash {
    subtree_root(leaves)
}

/// The roots of all full subtrees over these leaves, level by level.
fn from(leaves: &[Hash]) -> impl Fn(u32, u64) -> Result<Hash, Infallible> {
    let mut levels = vec![leaves.to_vec()];
    while levels.last().unwrap().len() > 1 {
        let pairs = levels.last().unwrap().chunks_exact(2);
        levels.push(pairs.map(|pair| node(pair[0], pair[1])).collect());
    }
    move |level, number| Ok(levels[level as usize][usize::try_from(number).unwrap()])
}

fn record(number: u64) -> [u8; 32] {
    record_hash(format!("{{\"seq\":{number}}}").as_bytes())
}

fn some_leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf(&record(number))).collect()
}

/// What the tree is by the words of RFC 6962, section 2.1.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash(Sha256::digest([]).into()),
        [one] => *one,
        many => {
            let mut left = 1;
            while left * 2 < many.len() {
                left *= 2;
            }
            node(by_definition(&many[..left]), by_definition(&many[left..]))
        }
    }
}

#[test]
fn the_roots_are_those_of_certificate_transparency() {
    let leaves = known_leaves();
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Range::new().root(), known(nothing));
    for (at, expected) in ROOTS.iter().enumerate() {
        assert_eq!(root(&leaves[..=at]), known(expected));
    }
}

#[test]
fn the_proofs_are_those_of_certificate_transparency() {
    let leaves = known_leaves();
    for (index, size, expected) in INCLUSIONS {
        let expected: Vec<Hash> = expected.iter().map(|hash| known(hash)).collect();
        assert_eq!(proof(size, index, from(&leaves)).unwrap(), expected);
    }
    for (old, new, expected) in CONSISTENCIES {
        let expected: Vec<Hash> = expected.iter().map(|hash| known(hash)).collect();
        assert_eq!(consistency(old, new, from(&leaves)).unwrap(), expected);
    }
}

#[test]
fn a_leaf_is_the_hash_of_a_line_behind_a_zero() {
    let line = b"{\"seq\":1}";
    let expected: [u8; 32] = Sha256::digest([&[0][..], &Sha256::digest(line)].concat()).into();
    assert_eq!(leaf_of_line(line), Hash(expected));
    assert_eq!(leaf(&record_hash(line)), Hash(expected));
}

#[test]
fn every_record_of_every_small_tree_has_a_proof_that_holds() {
    let leaves = some_leaves(130);
    let source = from(&leaves);
    for size in 0..=130_usize {
        let root = by_definition(&leaves[..size]);
        assert_eq!(subtree_root(&leaves[..size]), root);
        for index in 0..size {
            let (size, index) = (size as u64, index as u64);
            let hashes = proof(size, index, &source).unwrap();
            let leaf = leaves[index as usize];
            assert_eq!(verify_inclusion(size, index, leaf, &hashes, root), Ok(()));
            let all = if size < 20 {
                0..size
            } else {
                index.saturating_sub(2)..index + 3
            };
            for wrong in all {
                let held = verify_inclusion(size, wrong, leaf, &hashes, root).is_ok();
                assert_eq!(held, wrong == index, "{wrong} for {index} of {size}");
            }
        }
    }
}

#[test]
fn every_small_tree_grew_out_of_every_smaller_one() {
    let leaves = some_leaves(130);
    let source = from(&leaves);
    let roots: Vec<Hash> = (0..=130).map(|size| root(&leaves[..size])).collect();
    for new in 0..=130_u64 {
        for old in 0..=new {
            let hashes = consistency(old, new, &source).unwrap();
            let (before, after) = (roots[old as usize], roots[new as usize]);
            assert_eq!(
                verify_consistency(old, new, before, after, &hashes),
                Ok(()),
                "{old} to {new}"
            );
            if old != 0 {
                let other = leaf(&[7; 32]);
                assert!(verify_consistency(old, new, other, after, &hashes).is_err());
                assert!(verify_consistency(old, new, before, other, &hashes).is_err());
            }
        }
    }
}

#[test]
fn what_is_outside_a_tree_has_no_proof() {
    let leaves = some_leaves(4);
    for (size, index) in [(0, 0), (4, 4), (4, 5), (4, u64::MAX)] {
        let outside = ProofError::Outside { index, size };
        assert_eq!(
            proof(size, index, from(&leaves)),
            Err(Unproved::Impossible(outside))
        );
        assert_eq!(
            verify_inclusion(size, index, leaves[0], &[], leaves[0]),
            Err(outside)
        );
    }
    let shrunk = ProofError::Shrunk { old: 4, new: 3 };
    let answer = consistency(4, 3, from(&leaves));
    assert_eq!(answer, Err(Unproved::Impossible(shrunk)));
    let (old, new) = (root(&leaves), root(&leaves[..3]));
    assert_eq!(verify_consistency(4, 3, old, new, &[]), Err(shrunk));
}

#[test]
fn a_source_that_fails_is_heard() {
    let failing = |level: u32, _: u64| Err::<Hash, u32>(level);
    // First of all the root over the leaves from the fifth on, which begins with a subtree of two.
    assert_eq!(proof(7, 3, failing), Err(Unproved::Source(1)));
    assert_eq!(consistency(3, 7, failing), Err(Unproved::Source(1)));
}

#[test]
fn a_source_is_asked_little_and_only_for_what_is_in_the_tree() {
    for size in [1, 2, 3, 1 << 40, (1 << 40) + 12_345, u64::MAX] {
        for index in [0, 1, size / 3, size / 2, size.saturating_sub(2), size - 1] {
            let mut asked = 0;
            let mut source = |level: u32, number: u64| {
                asked += 1;
                let last = (u128::from(number) + 1) << level;
                assert!(last <= u128::from(size), "{level} {number} of {size}");
                Ok::<_, Infallible>(leaf(&[1; 32]))
            };
            if index < size {
                let hashes = proof(size, index, &mut source).unwrap();
                assert!(hashes.len() <= 64);
                let _ = consistency(index, size, &mut source).unwrap();
            }
            assert!(asked <= 256, "{asked}");
        }
    }
}

#[test]
fn a_proof_of_another_shape_is_refused() {
    let leaves = some_leaves(100);
    let all = root(&leaves);
    let good = proof(100, 41, from(&leaves)).unwrap();
    let check =
        |size, index, hashes: &[Hash]| verify_inclusion(size, index, leaves[41], hashes, all);
    assert_eq!(check(100, 41, &good), Ok(()));
    assert_eq!(check(100, 41, &[]), Err(ProofError::Length));
    assert_eq!(check(100, 41, &good[1..]), Err(ProofError::Length));
    assert_eq!(check(100, 41, &good[..6]), Err(ProofError::Length));
    assert_eq!(
        check(100, 41, &[&good[..], &[all]].concat()),
        Err(ProofError::Length)
    );
    assert_eq!(
        check(100, 41, &[&[all], &good[..]].concat()),
        Err(ProofError::Length)
    );
    assert_eq!(check(200, 41, &good), Err(ProofError::Length));
    assert_eq!(check(50, 41, &good), Err(ProofError::Length));
    assert_eq!(check(100, 40, &good), Err(ProofError::Root));
    assert_eq!(check(u64::MAX, 41, &good), Err(ProofError::Length));
    let mut turned = good.clone();
    turned.reverse();
    assert_eq!(check(100, 41, &turned), Err(ProofError::Root));
    let endless = vec![all; 1000];
    assert_eq!(
        check(u64::MAX, u64::MAX - 1, &endless),
        Err(ProofError::Length)
    );

    let old = root(&leaves[..37]);
    let good = consistency(37, 100, from(&leaves)).unwrap();
    let check = |size, new, hashes: &[Hash]| verify_consistency(size, new, old, all, hashes);
    assert_eq!(check(37, 100, &good), Ok(()));
    for (size, new) in [
        (36, 100),
        (38, 100),
        (64, 100),
        (37, 64),
        (37, 200),
        (37, 37),
        (0, 100),
    ] {
        assert!(check(size, new, &good).is_err(), "{size} {new}");
    }
    assert_eq!(check(37, 100, &[]), Err(ProofError::Length));
    assert!(check(37, 100, &good[1..]).is_err());
    assert!(check(37, 100, &good[..good.len() - 1]).is_err());
    assert!(check(37, 100, &[&good[..], &[all]].concat()).is_err());
    assert!(check(37, 100, &[&[all], &good[..]].concat()).is_err());
    assert!(verify_consistency(37, 100, all, old, &good).is_err());
    assert_eq!(
        verify_consistency(0, 9, all, all, &[]),
        Err(ProofError::OldRoot)
    );
    assert_eq!(
        verify_consistency(9, 9, old, all, &[]),
        Err(ProofError::Root)
    );
    assert_eq!(
        verify_consistency(9, 9, all, all, &[old]),
        Err(ProofError::Length)
    );
    let empty = Range::new().root();
    assert_eq!(verify_consistency(0, 9, empty, all, &[]), Ok(()));
    assert_eq!(
        verify_consistency(0, 9, empty, all, &[old]),
        Err(ProofError::Length)
    );
    assert_eq!(
        verify_consistency(0, 0, empty, all, &[]),
        Err(ProofError::Root)
    );
}

#[test]
fn a_subtree_counts_as_its_leaves_where_it_can_begin() {
    let leaves = some_leaves(64);
    let mut whole = Range::new();
    let mut parts = Range::new();
    for (level, begin) in [(5, 0), (4, 32), (0, 48), (0, 49), (1, 50), (2, 52), (3, 56)] {
        let end = begin + (1 << level);
        parts
            .push_subtree(level, root(&leaves[begin..end]))
            .unwrap();
        leaves[begin..end].iter().for_each(|leaf| whole.push(*leaf));
        assert_eq!(parts, whole);
    }
    assert_eq!(parts.root(), by_definition(&leaves));
}

#[test]
fn a_subtree_that_cannot_begin_here_is_refused() {
    let hash = leaf(&[1; 32]);
    let mut range = Range::new();
    range.push(hash);
    let before = range.clone();
    for level in [1, 2, 61, 62, 63] {
        let unaligned = Misfit::Unaligned { level, size: 1 };
        assert_eq!(range.push_subtree(level, hash), Err(unaligned));
    }
    for level in [64, 65, u32::MAX] {
        assert_eq!(range.push_subtree(level, hash), Err(Misfit::TooLarge));
    }
    assert_eq!(range, before);
    let mut empty = Range::new();
    assert_eq!(empty.push_subtree(63, hash), Err(Misfit::TooLarge));
    assert_eq!(empty.push_subtree(62, hash), Ok(()));
    assert_eq!(empty.push_subtree(0, hash), Err(Misfit::TooLarge));
}

#[test]
fn a_range_is_kept_as_json_and_read_back() {
    let mut range = Range::new();
    for leaf in some_leaves(11) {
        range.push(leaf);
    }
    let text = serde_json::to_string(&range).unwrap();
    assert!(text.starts_with("{\"size\":11,\"hashes\":[\""), "{text}");
    assert_eq!(serde_json::from_str::<Range>(&text).unwrap(), range);
    let hash = range.hashes()[0].to_base64();
    for wrong in [
        "{\"size\":1,\"hashes\":[]}".to_owned(),
        format!("{{\"size\":0,\"hashes\":[\"{hash}\"]}}"),
        format!("{{\"size\":3,\"hashes\":[\"{hash}\"]}}"),
        format!("{{\"size\":4,\"hashes\":[\"{hash}\",\"{hash}\"]}}"),
        format!("{{\"size\":9223372036854775808,\"hashes\":[\"{hash}\"]}}"),
        format!("{{\"size\":-1,\"hashes\":[\"{hash}\"]}}"),
        format!("{{\"size\":1,\"hashes\":[\"{hash}\"],\"more\":1}}"),
        "{\"size\":1,\"hashes\":[\"AAAA\"]}".to_owned(),
    ] {
        assert!(serde_json::from_str::<Range>(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_hash_is_written_in_one_way_only() {
    let hash = leaf(&[1; 32]);
    let base64 = hash.to_base64();
    assert_eq!(Hash::from_base64(&base64), Some(hash));
    assert_eq!(Hash::from_hex(&hash.to_hex()), Some(hash));
    assert_eq!(format!("{hash:?}"), hash.to_hex());
    let one = Hash([0; 32]).to_base64();
    for wrong in [
        String::new(),
        base64.replace('=', ""),
        format!("{base64}="),
        format!("{base64}\n"),
        format!(" {base64}"),
        one.replace("A=", "B="),
        one.replace("AA=", "A=="),
        "é".repeat(22),
    ] {
        assert_eq!(Hash::from_base64(&wrong), None, "{wrong}");
    }
    assert_eq!(Hash::from_hex(&hash.to_hex().to_uppercase()), None);
}

fn theirs(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    for number in 0..size {
        tree.push(record(number).to_vec());
    }
    tree
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_library_makes_the_same_tree_and_the_same_proofs(
        size in 1..700_u64, index: prop::sample::Index, old: prop::sample::Index,
    ) {
        let leaves = some_leaves(size);
        let tree = theirs(size);
        let other: [u8; 32] = (*tree.root().as_bytes()).into();
        prop_assert_eq!(Hash(other), root(&leaves));
        let index = index.index(size as usize);
        let ours = proof(size, index as u64, from(&leaves)).unwrap();
        let other = tree.prove_inclusion(index);
        prop_assert_eq!(other.as_bytes(), bytes(&ours));
        let old = 1 + old.index(size as usize) as u64;
        let ours = consistency(old, size, from(&leaves)).unwrap();
        let other = tree.prove_consistency((size - old) as usize);
        // It writes down what the checker can tell anyway where one tree is the other.
        if old != size {
            prop_assert_eq!(other.as_bytes(), bytes(&ours));
        }
    }

    #[test]
    fn a_proof_with_one_bit_changed_is_refused(
        size in 2..300_u64, index: prop::sample::Index, old: prop::sample::Index,
        place: prop::sample::Index, bit in 0..8_u8,
    ) {
        let leaves = some_leaves(size);
        let all = root(&leaves);
        let index = index.index(size as usize);
        let flip = |hashes: &[Hash]| {
            let mut hashes = hashes.to_vec();
            let at = place.index(hashes.len() * 32);
            hashes[at / 32].0[at % 32] ^= 1 << bit;
            hashes
        };
        let good = proof(size, index as u64, from(&leaves)).unwrap();
        let check = |leaf, hashes: &[Hash], root| {
            verify_inclusion(size, index as u64, leaf, hashes, root)
        };
        let leaf = leaves[index];
        prop_assert_eq!(check(leaf, &good, all), Ok(()));
        prop_assert_eq!(check(leaf, &flip(&good), all), Err(ProofError::Root));
        prop_assert_eq!(check(flip(&[leaf])[0], &good, all), Err(ProofError::Root));
        prop_assert_eq!(check(leaf, &good, flip(&[all])[0]), Err(ProofError::Root));

        let old = 1 + old.index(size as usize - 1);
        let before = root(&leaves[..old]);
        let good = consistency(old as u64, size, from(&leaves)).unwrap();
        let check = |before, after, hashes: &[Hash]| {
            verify_consistency(old as u64, size, before, after, hashes)
        };
        prop_assert_eq!(check(before, all, &good), Ok(()));
        prop_assert!(check(before, all, &flip(&good)).is_err());
        prop_assert!(check(flip(&[before])[0], all, &good).is_err());
        prop_assert!(check(before, flip(&[all])[0], &good).is_err());
    }

    #[test]
    fn nothing_handed_to_the_checkers_makes_them_panic(
        numbers: (u64, u64), hashes in prop::collection::vec(any::<[u8; 32]>(), 0..80),
    ) {
        let hashes: Vec<Hash> = hashes.into_iter().map(Hash).collect();
        let some = leaf(&[1; 32]);
        prop_assert!(verify_inclusion(numbers.0, numbers.1, some, &hashes, some).is_err());
        let (low, high) = (numbers.0.min(numbers.1), numbers.0.max(numbers.1));
        let _ = verify_consistency(low, high, some, some, &hashes);
    }
}
