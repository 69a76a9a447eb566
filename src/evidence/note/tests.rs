use proptest::prelude::*;
use sha2::Digest as _;
use sha2::Sha256;

use super::*;
use crate::evidence::tree;
use crate::evidence::tree::Hash;
use crate::evidence::tree::ProofError;

/// The example in the documentation of Go's package `golang.org/x/mod/sumdb/note`.
const SECRET: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN\
                    1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const ENOCH_LINE: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2ti\
                          OHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn peter() -> Verifier {
    Verifier::parse(PUBLIC).unwrap()
}

fn enoch() -> Verifier {
    Verifier::parse(ENOCH).unwrap()
}

fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name, &[seed; 32]).unwrap()
}

fn names(verified: &Verified) -> Vec<String> {
    verified.by().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_of_the_go_package_is_made_and_read() {
    let secret = Signer::parse(SECRET).unwrap();
    assert_eq!(secret.verifier(), &peter());
    assert_eq!(secret.verifier().to_string(), PUBLIC);
    assert_eq!(*secret.secret(), SECRET);
    let note = sign(TEXT, &[&secret]).unwrap();
    assert_eq!(note, format!("{TEXT}\n{LINE}"));
    let verified = Note::parse(&note).unwrap().verify(&[peter()]).unwrap();
    assert_eq!(verified.text(), TEXT);
    assert_eq!(names(&verified), ["PeterNeumann+c74f20a3"]);
}

#[test]
fn signatures_of_unknown_keys_are_passed_over() {
    let note = Note::parse(&format!("{TEXT}\n{LINE}{ENOCH_LINE}")).unwrap();
    assert_eq!(note.claimed().count(), 2);
    let by_peter = note.verify(&[peter()]).unwrap();
    assert_eq!(names(&by_peter), ["PeterNeumann+c74f20a3"]);
    let by_both = note.verify(&[enoch(), peter()]).unwrap();
    assert_eq!(
        names(&by_both),
        ["PeterNeumann+c74f20a3", "EnochRoot+af0cfe78"]
    );
    // A known name with another number, and a known number with another name.
    let strange = "\u{2014} PeterNeumann AAAAAAA=\n\u{2014} Other x08go/Y=\n";
    let note = Note::parse(&format!("{TEXT}\n{strange}{LINE}")).unwrap();
    assert_eq!(note.verify(&[peter()]).unwrap().by().len(), 1);
}

#[test]
fn a_note_that_no_known_key_signed_is_not_believed() {
    let note = Note::parse(&format!("{TEXT}\n{LINE}")).unwrap();
    assert_eq!(note.verify(&[]).unwrap_err(), NoteError::Unknown);
    assert_eq!(note.verify(&[enoch()]).unwrap_err(), NoteError::Unknown);
    let renamed = Signer::from_seed("Peter", &[1; 32]).unwrap();
    let known = [renamed.verifier().clone()];
    assert_eq!(note.verify(&known).unwrap_err(), NoteError::Unknown);
}

#[test]
fn one_wrong_signature_of_a_known_key_spoils_the_note() {
    let wrong = |note: &str, known: &[Verifier]| Note::parse(note).unwrap().verify(known);
    let other_text = TEXT.replace("don't", "do");
    let answer = wrong(&format!("{other_text}\n{LINE}"), &[peter()]);
    assert_eq!(answer.unwrap_err(), NoteError::Wrong(peter().id().clone()));
    // One line is right and the other is not.
    let cut = LINE.replace("nAM=", "");
    let answer = wrong(&format!("{TEXT}\n{LINE}{cut}"), &[peter()]);
    assert_eq!(answer.unwrap_err(), NoteError::Wrong(peter().id().clone()));
    let enoch_wrong = ENOCH_LINE.replace("QQ=", "QA=");
    let note = format!("{TEXT}\n{LINE}{enoch_wrong}");
    assert!(wrong(&note, &[peter()]).is_ok());
    let answer = wrong(&note, &[peter(), enoch()]);
    assert_eq!(answer.unwrap_err(), NoteError::Wrong(enoch().id().clone()));
}

#[test]
fn a_key_named_twice_is_one_and_two_of_one_name_are_none() {
    let note = Note::parse(&format!("{TEXT}\n{LINE}{LINE}")).unwrap();
    let verified = note.verify(&[peter(), enoch(), peter()]).unwrap();
    assert_eq!(names(&verified), ["PeterNeumann+c74f20a3"]);
    let mut twin = enoch();
    twin.id = peter().id().clone();
    let answer = note.verify(&[peter(), twin]).unwrap_err();
    assert_eq!(answer, NoteError::Ambiguous(peter().id().clone()));
}

#[test]
fn a_text_may_hold_empty_lines_and_the_last_one_ends_it() {
    let secret = signer("a", 1);
    for text in [
        "\n",
        "a\n",
        "a\n\n",
        "a\n\nb\n",
        "\n\n\n",
        "\u{2014} a AAAAAAA=\n",
        "é sera\n",
    ] {
        let note = sign(text, &[&secret]).unwrap();
        let read = Note::parse(&note).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!(read.to_string(), note);
        let known = [secret.verifier().clone()];
        assert_eq!(read.verify(&known).unwrap().text(), text);
    }
}

#[test]
fn what_is_no_note_is_refused() {
    let name = LINE.trim_start_matches(DASH);
    for (note, fault) in [
        (String::new(), NoteError::Unsplit),
        ("\n".to_owned(), NoteError::Unsplit),
        ("\n\n".to_owned(), NoteError::Unsplit),
        (TEXT.to_owned(), NoteError::Unsplit),
        (format!("{TEXT}\n"), NoteError::Unsplit),
        (format!("{TEXT}{LINE}"), NoteError::Unsplit),
        (format!("{TEXT}\n{}", LINE.trim_end()), NoteError::Unsplit),
        (format!("{TEXT}\n{LINE}\n"), NoteError::Unsplit),
        (format!("\u{1}{TEXT}\n{LINE}"), NoteError::Control),
        (format!("{TEXT}\r\n\r\n{LINE}"), NoteError::Control),
        (format!("a\tb\n\n{LINE}"), NoteError::Control),
        (format!("{TEXT}\n{LINE}more\n"), NoteError::NoSignature(2)),
        (format!("{TEXT}\n{LINE} {LINE}"), NoteError::NoSignature(2)),
        (format!("{TEXT}\n- {name}"), NoteError::NoSignature(1)),
        (
            format!("{TEXT}\n\u{2014}  {name}"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a b AAAAAAA=\n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a+b AAAAAAA=\n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a\u{a0}b AAAAAAA=\n"),
            NoteError::NoSignature(1),
        ),
        (format!("{TEXT}\n\u{2014} a\n"), NoteError::NoSignature(1)),
        (format!("{TEXT}\n\u{2014} a \n"), NoteError::NoSignature(1)),
        (
            format!("{TEXT}\n\u{2014} a AAAA\n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a AAAAAA==\n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a AAAAAAA\n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a AAAAAAB=\n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} a AAAAAAA= \n"),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n\u{2014} {} AAAAAAA=\n", "a".repeat(256)),
            NoteError::NoSignature(1),
        ),
        (
            format!("{TEXT}\n{}", LINE.repeat(101)),
            NoteError::Signatures(101),
        ),
        (
            format!("{}\n{LINE}", "a\n".repeat(NOTE_BYTES / 2)),
            NoteError::TooLong,
        ),
    ] {
        let shown: String = note.chars().take(300).collect();
        assert_eq!(Note::parse(&note).unwrap_err(), fault, "{shown:?}");
    }
    assert!(Note::parse(&format!("{TEXT}\n{}", LINE.repeat(100))).is_ok());
}

#[test]
fn what_cannot_be_a_note_is_not_signed() {
    let secret = signer("a", 1);
    assert_eq!(sign("a", &[&secret]), Err(NoteError::Unended));
    assert_eq!(sign("", &[&secret]), Err(NoteError::Unended));
    assert_eq!(sign("a\tb\n", &[&secret]), Err(NoteError::Control));
    assert_eq!(sign("a\r\n", &[&secret]), Err(NoteError::Control));
    assert_eq!(sign("a\n", &[]), Err(NoteError::Signatures(0)));
    assert_eq!(
        sign("a\n", &[&secret; 101]),
        Err(NoteError::Signatures(101))
    );
    let long = "a\n".repeat(NOTE_BYTES / 2);
    assert_eq!(sign(&long, &[&secret]), Err(NoteError::TooLong));
}

#[test]
fn a_key_cut_off_or_changed_anywhere_is_refused() {
    for (whole, is_public) in [(PUBLIC, true), (SECRET, false)] {
        let refused = |text: &str| {
            let answer = if is_public {
                Verifier::parse(text).err()
            } else {
                Signer::parse(text).err()
            };
            assert!(answer.is_some(), "{text}");
        };
        for begin in 0..whole.len() {
            for end in begin..=whole.len() {
                if (begin, end) != (0, whole.len()) {
                    refused(whole.get(begin..end).unwrap());
                }
            }
        }
        for at in 0..whole.len() {
            for bit in 0..7 {
                let mut bytes = whole.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                refused(&String::from_utf8(bytes).unwrap());
            }
        }
        for wrong in [
            format!("{whole}\n"),
            format!("{whole} "),
            format!(" {whole}"),
            format!("{whole}="),
            format!("{whole}AAAA"),
            whole.replace("c74f20a3", "C74F20A3"),
            whole.replace("c74f20a3", "+74f20a3"),
            whole.replace("c74f20a3", "0c74f20a3"),
            whole.replace("PeterNeumann", "Peter Neumann"),
            whole.replace("PeterNeumann", "Peter+Neumann"),
            whole.replace("PeterNeumann", "Peter\u{2003}Neumann"),
            whole.replace("PeterNeumann", "PeterNeumann\n"),
            whole.replace("PeterNeumann", ""),
            whole.replace("PeterNeumann", &"a".repeat(256)),
        ] {
            refused(&wrong);
        }
    }
    assert!(Verifier::parse(SECRET).is_err());
    assert!(Signer::parse(PUBLIC).is_err());
}

/// A key as text with the number that belongs to these bytes.
fn written(name: &str, bytes: &[u8]) -> String {
    let digest = Sha256::digest([name.as_bytes(), b"\n", bytes].concat());
    let hash = crate::hex::of(&digest[..4]);
    format!("{name}+{hash}+{}", STANDARD.encode(bytes))
}

#[test]
fn a_key_of_another_kind_or_length_is_refused_though_its_number_fits() {
    let public = peter().public();
    let whole = [&[1][..], &public].concat();
    assert_eq!(written("PeterNeumann", &whole), PUBLIC);
    let parse = |bytes: &[u8]| Verifier::parse(&written("a", bytes)).unwrap_err();
    assert_eq!(parse(&[]), KeyError::Bytes);
    assert_eq!(parse(&whole[..32]), KeyError::Bytes);
    assert_eq!(parse(&[&whole[..], &[0]].concat()), KeyError::Bytes);
    for kind in [0, 2, 4, 5, 6, 0xff] {
        assert_eq!(parse(&[&[kind][..], &public].concat()), KeyError::Kind);
    }
    let other = PUBLIC.replace("PeterNeumann", "PeterNewmann");
    assert_eq!(Verifier::parse(&other).unwrap_err(), KeyError::OtherKey);
}

#[test]
fn a_key_that_anybody_can_sign_for_is_refused() {
    // The neutral element, a point of order four, one of order two, and no point at all.
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut one = [0; 32];
    one[0] = 1;
    let mut none = [0; 32];
    none[0] = 2;
    for weak in [one, [0; 32], minus_one, none] {
        assert_eq!(Verifier::new("a", &weak), Err(KeyError::Weak));
    }
}

#[test]
fn a_secret_shows_itself_only_when_asked() {
    let secret = Signer::parse(SECRET).unwrap();
    assert_eq!(format!("{secret:?}"), "Signer(PeterNeumann+c74f20a3, …)");
}

fn head() -> Checkpoint {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let root = Hash::from_base64(root).unwrap();
    Checkpoint::new("example.com/behind-the-sofa", 20_852_163, root).unwrap()
}

#[test]
fn a_checkpoint_is_three_lines() {
    let text = "example.com/behind-the-sofa\n20852163\n\
                CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(head().to_string(), text);
    assert_eq!(Checkpoint::parse(text).unwrap(), head());
    let empty = Checkpoint::new("a", 0, tree::Range::new().root()).unwrap();
    assert_eq!(Checkpoint::parse(&empty.to_string()).unwrap(), empty);
    let largest = Checkpoint::new("a", u64::MAX, head().root()).unwrap();
    assert_eq!(Checkpoint::parse(&largest.to_string()).unwrap(), largest);
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let text = head().to_string();
    let size = |size: &str| text.replace("20852163", size);
    for (wrong, fault) in [
        (String::new(), CheckpointError::Lines),
        (text.trim_end().to_owned(), CheckpointError::Lines),
        (format!("{text}\n"), CheckpointError::Lines),
        (format!("{text}more\n"), CheckpointError::Lines),
        (format!("\n{text}"), CheckpointError::Lines),
        ("a\n1\n".to_owned(), CheckpointError::Lines),
        (
            text.replace("example.com/behind-the-sofa", ""),
            CheckpointError::Origin,
        ),
        (
            text.replace("example", "exa\tmple"),
            CheckpointError::Origin,
        ),
        (
            text.replace("example", &"a".repeat(600)),
            CheckpointError::TooLong,
        ),
        (
            text.replace("example", &"a".repeat(1024)),
            CheckpointError::TooLong,
        ),
        (size(""), CheckpointError::Size),
        (size("00"), CheckpointError::Size),
        (size("020852163"), CheckpointError::Size),
        (size("+20852163"), CheckpointError::Size),
        (size("-1"), CheckpointError::Size),
        (size(" 1"), CheckpointError::Size),
        (size("1 "), CheckpointError::Size),
        (size("1e3"), CheckpointError::Size),
        (size("0x10"), CheckpointError::Size),
        (size("\u{661}"), CheckpointError::Size),
        (size("18446744073709551616"), CheckpointError::Size),
        (text.replace("q2I=", "q2J="), CheckpointError::Root),
        (text.replace("q2I=", "q2I"), CheckpointError::Root),
        (text.replace("q2I=", "qw=="), CheckpointError::Root),
        (text.replace("q2I=", "q2I= "), CheckpointError::Root),
    ] {
        assert_eq!(Checkpoint::parse(&wrong).unwrap_err(), fault, "{wrong:?}");
    }
    let named = |name: &str| Checkpoint::new(name, 1, head().root());
    assert_eq!(named(""), Err(CheckpointError::Origin));
    assert_eq!(named("a\nb"), Err(CheckpointError::Origin));
}

#[test]
fn a_checkpoint_is_believed_only_by_a_key_of_its_own_name() {
    let ours = signer("example.com/behind-the-sofa", 1);
    let other = signer("example.com/other", 2);
    let known = [ours.verifier().clone(), other.verifier().clone()];
    let note = head().sign(&[&ours]).unwrap();
    let (checkpoint, verified) = Checkpoint::open(&note, &known).unwrap();
    assert_eq!(checkpoint, head());
    assert_eq!(verified.by(), [ours.id().clone()]);
    // With a witness beside it, too.
    let note = head().sign(&[&other, &ours]).unwrap();
    assert!(Checkpoint::open(&note, &known).is_ok());
    // Another log that is trusted for itself.
    let note = head().sign(&[&other]).unwrap();
    let answer = Checkpoint::open(&note, &known).unwrap_err();
    assert_eq!(answer, CheckpointError::Foreign);
    let unknown = NoteError::Unknown;
    let answer = Checkpoint::open(&note, &known[..1]).unwrap_err();
    assert_eq!(answer, CheckpointError::Note(unknown));
    let no_checkpoint = sign("a\nb\nc\n", &[&ours]).unwrap();
    let answer = Checkpoint::open(&no_checkpoint, &known).unwrap_err();
    assert_eq!(answer, CheckpointError::Size);
}

#[test]
fn a_rotation_is_signed_by_the_old_key_and_the_new_one() {
    let name = head().origin().to_owned();
    let (old, new) = (signer(&name, 1), signer(&name, 2));
    let note = head().sign(&[&new, &old]).unwrap();
    for known in [old.verifier(), new.verifier()] {
        let (checkpoint, verified) = Checkpoint::open(&note, std::slice::from_ref(known)).unwrap();
        assert_eq!(checkpoint, head());
        assert_eq!(verified.by(), [known.id().clone()]);
    }
}

const LEAVES: u64 = 11;

fn leaves() -> Vec<Hash> {
    (0..LEAVES)
        .map(|number| tree::leaf_of_line(format!("record {number}").as_bytes()))
        .collect()
}

fn prove(index: u64, extra: Option<Vec<u8>>) -> (Proof, [Verifier; 1]) {
    let leaves = leaves();
    let hashes = tree::proof(LEAVES, index, |level, number| {
        let begin = usize::try_from(number << level).unwrap();
        Ok::<_, NoteError>(tree::subtree_root(&leaves[begin..begin + (1 << level)]))
    });
    let root = tree::subtree_root(&leaves);
    let secret = signer("gw1.example.org/aiops", 3);
    let head = Checkpoint::new("gw1.example.org/aiops", LEAVES, root).unwrap();
    let note = head.sign(&[&secret]).unwrap();
    let proof = Proof::new(index, extra, hashes.unwrap(), &note).unwrap();
    (proof, [secret.verifier().clone()])
}

#[test]
fn a_proof_is_written_read_and_checked() {
    for index in 0..LEAVES {
        for extra in [None, Some(b"the record itself".to_vec())] {
            let (proof, known) = prove(index, extra.clone());
            let text = proof.to_string();
            let read = Proof::parse(&text).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.to_string(), text);
            assert_eq!(read.extra(), extra.as_deref());
            assert_eq!(read.index(), index);
            let leaves = leaves();
            let head = read.verify(leaves[index as usize], &known).unwrap();
            assert_eq!(head.size(), LEAVES);
            for (other, leaf) in leaves.iter().enumerate() {
                let holds = read.verify(*leaf, &known).is_ok();
                assert_eq!(holds, other as u64 == index);
            }
        }
    }
}

#[test]
fn a_proof_of_one_record_has_no_hashes() {
    let leaf = tree::leaf_of_line(b"record");
    let secret = signer("a", 3);
    let head = Checkpoint::new("a", 1, leaf).unwrap();
    let note = head.sign(&[&secret]).unwrap();
    let text = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{note}");
    let proof = Proof::parse(&text).unwrap();
    assert_eq!(proof.to_string(), text);
    assert_eq!(proof.verify(leaf, &[secret.verifier().clone()]), Ok(head));
}

#[test]
fn what_is_no_proof_is_refused() {
    let (proof, _) = prove(4, Some(b"more".to_vec()));
    let text = proof.to_string();
    let hash = format!("{}\n", proof.hashes()[0].to_base64());
    let extra = "extra bW9yZQ==\n";
    assert!(text.contains(extra));
    for (wrong, fault) in [
        (String::new(), ProofFault::Header),
        (format!("\n{text}"), ProofFault::Header),
        (text.replace("@v1", "@v2"), ProofFault::Header),
        (text.replace("@v1\n", "@v1\r\n"), ProofFault::Header),
        (text.replace(extra, "extra \n"), ProofFault::Extra),
        (text.replace(extra, "extra bW9yZQ\n"), ProofFault::Extra),
        (text.replace(extra, "extra bW9yZR==\n"), ProofFault::Extra),
        (text.replace(extra, "extra\n"), ProofFault::Index),
        (text.replace(extra, &extra.repeat(2)), ProofFault::Index),
        (text.replace(extra, "\n"), ProofFault::Index),
        (text.replace("index 4\n", ""), ProofFault::Index),
        (text.replace("index 4\n", "index\n"), ProofFault::Index),
        (text.replace("index 4\n", "index 04\n"), ProofFault::Index),
        (text.replace("index 4\n", "index -4\n"), ProofFault::Index),
        (text.replace("index 4\n", "index  4\n"), ProofFault::Index),
        (
            text.replace("index 4\n", "index 18446744073709551616\n"),
            ProofFault::Index,
        ),
        (
            text.replace("index 4\n", "index 4\nindex 4\n"),
            ProofFault::Hashes,
        ),
        (
            text.replace("index 4\n", &format!("index 4\n{extra}")),
            ProofFault::Hashes,
        ),
        (text.replace("=\n\ngw1", "=\ngw1"), ProofFault::Hashes),
        (text.replace(&hash, &hash.repeat(62)), ProofFault::Hashes),
        (
            text.replace(&hash, &hash.to_lowercase()),
            ProofFault::Hashes,
        ),
        (text.replace(&hash, "AAAA\n"), ProofFault::Hashes),
        (
            text.split("\n\n").next().unwrap().to_owned(),
            ProofFault::Hashes,
        ),
        (format!("{text}\n"), ProofFault::Note(NoteError::Unsplit)),
        (
            format!("{text}more\n"),
            ProofFault::Note(NoteError::NoSignature(2)),
        ),
        (
            text.trim_end().to_owned(),
            ProofFault::Note(NoteError::Unsplit),
        ),
    ] {
        assert_eq!(Proof::parse(&wrong).unwrap_err(), fault, "{wrong}");
    }
    let note = proof.checkpoint().to_string();
    let new = |extra, hashes| Proof::new(1, extra, hashes, &note).unwrap_err();
    assert_eq!(new(Some(Vec::new()), Vec::new()), ProofFault::Extra);
    assert_eq!(new(None, vec![proof.hashes()[0]; 65]), ProofFault::Hashes);
}

#[test]
fn a_proof_under_another_checkpoint_is_refused() {
    let (proof, known) = prove(4, None);
    let leaf = leaves()[4];
    let new = |index, hashes: &[Hash], checkpoint: &str| {
        let proof = Proof::new(index, None, hashes.to_vec(), checkpoint).unwrap();
        proof.verify(leaf, &known).unwrap_err()
    };
    let note = proof.checkpoint().to_string();
    let outside = ProofError::Outside {
        index: LEAVES,
        size: LEAVES,
    };
    assert_eq!(
        new(LEAVES, proof.hashes(), &note),
        ProofFault::Tree(outside)
    );
    assert_eq!(
        new(4, &proof.hashes()[1..], &note),
        ProofFault::Tree(ProofError::Length)
    );
    assert_eq!(
        new(5, proof.hashes(), &note),
        ProofFault::Tree(ProofError::Root)
    );
    let forged = signer("gw1.example.org/aiops", 9);
    let note = sign(proof.checkpoint().text(), &[&forged]).unwrap();
    let unknown = CheckpointError::Note(NoteError::Unknown);
    assert_eq!(
        new(4, proof.hashes(), &note),
        ProofFault::Checkpoint(unknown)
    );
}

/// A text like those in the tests, with something put in, taken out or changed.
fn mangled(whole: &'static str) -> impl Strategy<Value = String> {
    (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        ".{0,3}",
    )
        .prop_map(move |(begin, end, put)| {
            let chars: Vec<char> = whole.chars().collect();
            let begin = begin.index(chars.len() + 1);
            let end = begin + end.index(chars.len() + 1 - begin);
            let (left, right) = (&chars[..begin], &chars[end..]);
            left.iter()
                .chain(put.chars().collect::<Vec<_>>().iter())
                .chain(right)
                .collect()
        })
}

const PROOF: &str = "c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 4\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    a\n9\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} a AAAAAAA=\n";

proptest! {
    #[test]
    fn what_is_read_is_written_as_it_was(
        text in prop_oneof![mangled(PROOF), mangled(PUBLIC), mangled(SECRET), ".{0,80}"],
    ) {
        if let Ok(read) = Proof::parse(&text) {
            prop_assert_eq!(read.to_string(), text.clone());
        }
        if let Ok(read) = Note::parse(&text) {
            prop_assert_eq!(read.to_string(), text.clone());
        }
        if let Ok(read) = Verifier::parse(&text) {
            prop_assert_eq!(read.to_string(), text.clone());
        }
        if let Ok(read) = Signer::parse(&text) {
            let secret = read.secret();
            prop_assert_eq!(secret.as_str(), text.as_str());
        }
        if let Ok(read) = Checkpoint::parse(&text) {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn every_text_that_can_be_signed_is_read_and_believed(
        text in "([^\\x00-\\x1f]{0,20}\n){1,5}", seeds in prop::collection::vec(any::<[u8; 32]>(), 1..4),
        name in "[^\\s+\\p{Cc}]{1,20}",
    ) {
        let signers: Vec<Signer> = seeds.iter().map(|seed| Signer::from_seed(&name, seed).unwrap()).collect();
        let note = sign(&text, &signers.iter().collect::<Vec<_>>()).unwrap();
        let read = Note::parse(&note).unwrap();
        prop_assert_eq!(read.to_string(), note);
        for signer in &signers {
            let public = Verifier::parse(&signer.verifier().to_string()).unwrap();
            prop_assert_eq!(&public, signer.verifier());
            let verified = read.verify(&[public]).unwrap();
            prop_assert_eq!(verified.text(), &text);
            prop_assert_eq!(verified.by(), [signer.id().clone()]);
        }
    }
}

#[test]
fn a_proof_or_note_with_any_one_bit_changed_is_refused() {
    let (proof, known) = prove(4, None);
    let leaf = leaves()[4];
    let whole = proof.to_string();
    assert!(proof.verify(leaf, &known).is_ok());
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            let believed =
                Proof::parse(&text).is_ok_and(|proof| proof.verify(leaf, &known).is_ok());
            assert!(!believed, "{text}");
        }
    }
}
