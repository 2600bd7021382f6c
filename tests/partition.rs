//! Proofs divided among runs: every function in one share, shares that join to the certificate of one run byte for byte, and shares
//! that do not join.

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use support::command::{Folder, check, corpus, json};
use synth::partition::{MergeError, Partition, Share, merge};
use synth_validator::certificate::{self, CERTIFICATE_FILE, CLAIM_FILE, SHARE_FILE};

const PROGRAM: &str = "strings";
const SHARES: u32 = 3;

/// An object, its whole certificate, and its shares `share-K`.
fn divided(name: &str) -> (Folder, String, String) {
    let folder = Folder::new(name);
    let (module, object) = (corpus(PROGRAM), folder.text("out.o"));
    check(&["compile", &module, "-o", &object], 0);
    check(&["validate", &module, &object, "--certificate", &folder.text("whole")], 0);
    for k in 1..=SHARES {
        let (partition, share) = (format!("hash:{k}/{SHARES}"), folder.text(&format!("share-{k}")));
        let (out, _) = check(&["validate", &module, &object, "--partition", &partition, "--certificate", &share], 0);
        assert!(out.contains(&format!("{partition}: ")) && out.contains("nothing is said of the others"), "{out}");
    }
    (folder, module, object)
}

fn shares(folder: &Folder) -> Vec<PathBuf> {
    (1..=SHARES).map(|k| folder.path(&format!("share-{k}"))).collect()
}

fn share(folder: &Folder, k: u32) -> Share {
    let text = std::fs::read_to_string(folder.path(&format!("share-{k}")).join(SHARE_FILE)).expect("a share");
    serde_json::from_str(&text).expect("a share")
}

/// Writes a changed share in place of share `k`.
fn replace(folder: &Folder, k: u32, change: impl FnOnce(&mut Share)) {
    let mut changed = share(folder, k);
    change(&mut changed);
    std::fs::write(folder.path(&format!("share-{k}")).join(SHARE_FILE), changed.to_json()).expect("writes");
}

#[test]
fn shares_join_to_the_certificate_of_one_run() {
    let (folder, module, object) = divided("join");
    let all = shares(&folder);
    for k in 1..=SHARES {
        let share = folder.path(&format!("share-{k}"));
        assert!(!share.join(CERTIFICATE_FILE).exists(), "a share is no certificate");
        // The one in place is compared and left.
        let partition = format!("hash:{k}/{SHARES}");
        let share = share.to_str().expect("a path").to_string();
        check(&["validate", &module, &object, "--partition", &partition, "--certificate", &share], 0);
        let other = format!("hash:{}/{SHARES}", k % SHARES + 1);
        check(&["validate", &module, &object, "--partition", &other, "--certificate", &share], 1);
        check(&["validate", &module, &object, "--certificate", &share], 2);
    }
    let names: Vec<String> = all.iter().rev().map(|p| p.to_str().expect("a path").to_string()).collect();
    let mut args: Vec<&str> = ["report", "merge"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let merged = folder.text("merged");
    args.extend(["-o", &merged]);
    let said = json(&args, 0);
    assert_eq!((&said["written"], &said["command"]), (&true.into(), &"report merge".into()));
    for file in [CERTIFICATE_FILE, CLAIM_FILE] {
        let read = |name: &str| std::fs::read(folder.path(name).join(file)).expect("a file");
        assert_eq!(read("merged"), read("whole"), "{file}");
    }
    let (_, err) = check(&args, 2);
    assert!(err.contains("not empty"), "{err}");
    // A share in the place of a whole certificate, and the other way round.
    let whole = folder.text("whole");
    let (_, err) = check(&["validate", &module, &object, "--partition", "hash:1/3", "--certificate", &whole], 2);
    assert!(err.contains("whole certificate"), "{err}");
}

#[test]
fn no_check_takes_a_share_for_a_certificate() {
    let (folder, module, object) = divided("refused");
    let [module, object] = [module, object].map(|path| std::fs::read(path).expect("readable"));
    let check = |name: &str| certificate::check(&folder.path(name), &module, &object, 2, &|_| {});
    assert!(check("whole").is_ok());
    let damage = check("share-1").expect_err("a share");
    assert!(damage.place == SHARE_FILE && damage.message.contains("no certificate"), "{damage}");
    // Under another name it has another form, and its verdicts alone are not those of the object.
    let renamed = folder.path("share-1").join(CERTIFICATE_FILE);
    std::fs::copy(folder.path("share-1").join(SHARE_FILE), &renamed).expect("copies");
    assert!(check("share-1").expect_err("a share").message.contains("is no certificate"));
    std::fs::write(&renamed, share(&folder, 1).verdicts.to_json()).expect("writes");
    let damage = check("share-1").expect_err("a share");
    assert!(damage.place.contains("functions"), "{damage}");
}

#[test]
fn shares_that_are_not_of_one_proof_do_not_join() {
    let (folder, module, object) = divided("apart");
    let [one, two, three] = <[PathBuf; 3]>::try_from(shares(&folder)).expect("three");
    let joined = |folders: &[&PathBuf]| merge(&folders.iter().map(|p| (*p).clone()).collect::<Vec<_>>()).map(drop);
    assert_eq!(joined(&[&one, &two, &three]), Ok(()));
    let missing = vec!["hash:2/3".parse::<Partition>().expect("a partition")];
    assert_eq!(joined(&[&one, &three]), Err(MergeError::Missing(missing)));
    let double = "hash:1/3".parse().expect("a partition");
    assert_eq!(joined(&[&one, &one, &two, &three]), Err(MergeError::Double(double, [one.clone(), one.clone()])));
    let (_, err) = check(&["report", "merge", one.to_str().expect("a path"), "-o", &folder.text("none")], 2);
    assert!(err.contains("missing: hash:2/3, hash:3/3") && !folder.path("none").exists(), "{err}");

    // Another number of shares, and another object of the same module.
    let strange = folder.text("strange");
    check(&["validate", &module, &object, "--partition", "hash:2/2", "--certificate", &strange], 0);
    let strange = PathBuf::from(strange);
    assert_eq!(
        joined(&[&one, &strange, &three]),
        Err(MergeError::Foreign(strange.clone(), "partition: the number of shares"))
    );
    let (small, foreign) = (folder.text("small.o"), folder.text("foreign"));
    check(&["compile", "-O0", &module, "-o", &small], 0);
    check(&["validate", &module, &small, "--partition", "hash:2/3", "--certificate", &foreign], 0);
    let foreign = PathBuf::from(foreign);
    assert_eq!(joined(&[&one, &foreign, &three]), Err(MergeError::Foreign(foreign.clone(), "object_sha256")));

    // Contents that were changed, form and digests in order.
    let kept = std::fs::read(two.join(SHARE_FILE)).expect("readable");
    // Another validator, and another solver, proved something else.
    let foreign: [(&str, fn(&mut Share)); 2] = [
        ("validator_sha256", |s| s.prover.validator_sha256 = "0".repeat(64)),
        ("solver", |s| s.prover.solver.push('1')),
    ];
    for (field, change) in foreign {
        replace(&folder, 2, change);
        assert_eq!(joined(&[&one, &two, &three]), Err(MergeError::Foreign(two.clone(), field)));
        std::fs::write(two.join(SHARE_FILE), &kept).expect("writes");
    }
    let contradicts = |change: &dyn Fn(&mut Share), why: &str| {
        replace(&folder, 2, change);
        match joined(&[&one, &two, &three]) {
            Err(MergeError::Contradicting(_, text)) => assert!(text.contains(why), "{text}"),
            other => panic!("{why}: {other:?}"),
        }
        std::fs::write(two.join(SHARE_FILE), &kept).expect("writes");
    };
    contradicts(&|s| s.verdicts.image.verdict = "Unknown".to_string(), "initial image");
    contradicts(&|s| s.all_functions.truncate(1), "all_functions");
    contradicts(&|s| s.verdicts.totals.obligations += 1, "totals");
    contradicts(&|s| s.verdicts.functions.push(s.verdicts.functions[0].clone()), "order");
    contradicts(
        &|s| {
            s.verdicts.functions.remove(0);
            s.verdicts.totals = certificate::Totals::of(&s.verdicts.functions);
        },
        "is in none of the shares",
    );
    let others = share(&folder, 1).verdicts.functions;
    contradicts(
        &|s| {
            s.verdicts.functions = others.clone();
            s.verdicts.totals = certificate::Totals::of(&others);
        },
        "is not one of hash:2/3",
    );

    // Any changed byte of a file.
    for file in [SHARE_FILE, CLAIM_FILE] {
        let kept = std::fs::read(two.join(file)).expect("readable");
        for at in (0..kept.len()).step_by(kept.len() / 40) {
            let mut damaged = kept.clone();
            damaged[at] ^= 1;
            std::fs::write(two.join(file), damaged).expect("writes");
            assert!(
                joined(&[&one, &two, &three]).is_err() || file == SHARE_FILE && is_text(&kept, at),
                "{file} {at}: {}",
                String::from_utf8_lossy(&kept[at.saturating_sub(60)..kept.len().min(at + 20)])
            );
        }
        std::fs::write(two.join(file), kept).expect("writes");
    }
    assert_eq!(joined(&[&one, &two, &three]), Ok(()));
}

/// Whether a byte of a share is in a value that only a proof can tell: digests of code, counts, names of links.
fn is_text(share: &[u8], at: usize) -> bool {
    let line = share[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let end = share[at..].iter().position(|b| *b == b'\n').map_or(share.len(), |n| at + n);
    let line = String::from_utf8_lossy(&share[line..end]).into_owned();
    ["\"start\"", "\"end\"", "code_sha256", "\"name\"", "\"paths\"", "agreed_runs", "detail", "\"verdict\""]
        .iter()
        .any(|f| line.contains(f))
}

#[test]
fn every_function_is_in_one_share_whatever_their_number() {
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for of in 1..=7_u32 {
        let partitions: Vec<Partition> = (1..=of).map(|k| format!("hash:{k}/{of}").parse().expect("one")).collect();
        let mut used = BTreeSet::new();
        for index in 0..200 {
            let name = format!("f{index}");
            let has: Vec<usize> = (0..of as usize).filter(|k| partitions[*k].has(digest, index, &name)).collect();
            assert_eq!(has.len(), 1, "function {index} of {of}");
            used.extend(has);
        }
        assert_eq!(used.len(), of as usize, "no share is empty");
    }
    // int.from_bytes(hashlib.sha256(f"{digest} 5 main".encode()).digest()[:8], "big") % 1000 in Python.
    let number = 927;
    assert!(format!("hash:{}/1000", number + 1).parse::<Partition>().expect("one").has(digest, 5, "main"));
}

#[test]
fn other_texts_are_no_partitions() {
    for text in [
        "",
        "hash:",
        "hash:0/3",
        "hash:4/3",
        "hash:1",
        "hash:1/0",
        "hash:01/3",
        "hash:+1/3",
        "1/3",
        "hash:1/70000",
        "hash:1/3 ",
    ] {
        assert!(text.parse::<Partition>().is_err(), "{text}");
        check(&["validate", &corpus(PROGRAM), "none.o", "--partition", text], 2);
    }
    assert_eq!("hash:2/16".parse::<Partition>().expect("one").to_string(), "hash:2/16");
    check(&["corpus", "run", "--partition", "hash:1/2"], 2);
}

#[test]
fn a_share_that_is_not_proved_fails_and_the_others_do_not() {
    let folder = Folder::new("broken");
    let (module, object) = (corpus(PROGRAM), folder.text("out.o"));
    check(&["compile", &module, "-o", &object], 0);
    let limits = ["--limit-region-steps", "60"];
    let whole = json(&[&["validate", &module, &object][..], &limits].concat(), 1);
    let open = |functions: &serde_json::Value| -> Vec<u64> {
        let all = functions.as_array().expect("a list").iter();
        all.filter(|f| f["verdict"] != "Proved").map(|f| f["index"].as_u64().expect("a number")).collect()
    };
    let expected = open(&whole["validation"]["functions"]);
    assert!(!expected.is_empty() && whole["share"].is_null());
    let mut found = Vec::new();
    for k in 1..=6 {
        let (partition, share) = (format!("hash:{k}/6"), folder.text(&format!("share-{k}")));
        let args =
            ["validate", &module, &object, "--partition", &partition, "--certificate", &share, "--format", "json"];
        let output = support::command::synth(&[&args[..], &limits].concat()).output().expect("runs");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mine = open(&said["share"]["verdicts"]["functions"]);
        assert!(said["validation"].is_null(), "a share is no certificate in JSON either");
        assert_eq!(output.status.code(), Some(i32::from(!mine.is_empty())), "{partition}");
        assert_eq!(folder.path(&format!("share-{k}")).exists(), mine.is_empty(), "{partition}");
        found.extend(mine);
    }
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn the_corpus_can_be_divided() {
    let run = |partition: &[&str]| {
        let only = ["corpus", "run", "--validate", "--only", "semaphore", "--only", "mutex"];
        json(&[&only[..], partition].concat(), 0)["totals"]["proved"].as_u64().expect("a number")
    };
    assert_eq!(run(&["--partition", "hash:1/2"]) + run(&["--partition", "hash:2/2"]), run(&[]));
}
