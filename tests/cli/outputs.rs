//! Where commands write: no output takes the place of an input or of another output.

use super::{Folder, check};

/// Covers TOR-EXIT-INPUT.
#[test]
fn no_output_takes_the_place_of_the_input_or_of_another_output() {
    let folder = Folder::new("places");
    let text = "(module (func (export \"f\") (param i32) (result i32) (local.get 0)))";
    let module = folder.write("in.wat", text.as_bytes());
    std::os::unix::fs::symlink(&module, folder.path("link.wat")).expect("a link");
    let [link, out, evidence, inside, script, trampolines] =
        ["link.wat", "out", "e", "e/claim.bin", "out.ld", "t.c"].map(|name| folder.path(name));
    let report = format!("--inline-report={out}");
    let compile = ["compile", &module, "-o", &out];
    let validate = ["compile", "--validate", &module, "-o", &out, "--evidence", &evidence];
    let cases: &[(&[&str], &[&str], &str)] = &[
        (&["optimize", &module, "-o", &module], &[], "the output is the input"),
        (&["optimize", &module, "-o", &link], &[], "the output is the input"),
        (&["optimize", &module, "-o", &out, "--witness", &module], &[], "the file of --witness is the input"),
        (&["optimize", &module, "-o", &out, "--witness", &out], &[], "--witness and the output have one place"),
        (&["compile", &module, "-o", &link], &[], "the output is the input"),
        (&compile, &["--emit-header", &out], "the header and the output have one place"),
        (&compile, &["--emit-header", &module], "the header is the input"),
        (&compile, &["--emit-header", &link, "--stack-usage", &inside], "the header is the input"),
        (
            &compile,
            &["--emit-header", &inside, "--stack-usage", &inside],
            "--stack-usage and the header have one place",
        ),
        (&compile, &[&report], "--inline-report and the output have one place"),
        (&compile, &["--image", "--board", "mps2-an386", "--emit-header", &script], "the header and the linker script"),
        (
            &compile,
            &["--marshal", "f:0=s", "--marshal-source", &trampolines, "--emit-header", &trampolines],
            "trampolines",
        ),
        (
            &["compile", "--validate", &module, "-o", &out, "--certificate", &out],
            &[],
            "the certificate and the output have one place",
        ),
        (
            &compile,
            &["--marshal", &format!("f:0={out}"), "--marshal-source", &trampolines],
            "the output is another input",
        ),
        (
            &compile,
            &["--marshal", &format!("f:0={trampolines}"), "--marshal-source", &trampolines],
            "a file of the trampolines is another input",
        ),
        (&compile, &["--image", "--board", "mps2-an386", "--link", &out], "the output is another input"),
        (&compile, &["--image", "--board", "mps2-an386", "--linker-script", &out], "the output is another input"),
        (&compile, &["--image", "--board", &script], "the linker script is another input"),
        (&["explain", &module, "-o", &module], &[], "the output is the input"),
        (&["explain", &module, &out, "-o", &out], &[], "the output is another input"),
        (&validate, &["--certificate", &evidence], "the evidence and the certificate have one place"),
        (
            &validate,
            &["--certificate", &format!("{evidence}/deeper")],
            "the evidence and the certificate have one place",
        ),
        (&validate, &["--stack-usage", &inside], "the evidence and the file of --stack-usage have one place"),
        (&validate[..3], &["-o", &inside, "--evidence", &evidence], "the evidence and the output have one place"),
        (&validate[..3], &["-o", &inside, "--certificate", &evidence], "the certificate and the output have one place"),
    ];
    for (first, more, why) in cases {
        let (_, message) = check(&[*first, *more].concat(), 2);
        assert!(message.contains(why) && message.contains("help:"), "{why}: {message}");
        assert_eq!(folder.names(), ["in.wat", "link.wat"]);
    }
    assert_eq!(std::fs::read_to_string(&module).expect("reads"), text);
    check(&["compile", &module, "-o", "/dev/null", "--emit-header", "/dev/null"], 0);
    check(&["compile", "--validate", &module, "-o", &out, "--certificate", &folder.path(".")], 0);
}
