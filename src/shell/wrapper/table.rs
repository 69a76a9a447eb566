//! The known wrappers: where in their arguments the other command begins.
//!
//! **Reads** nothing.
//! **Gives** for each wrapper its options that take a value, and its operands.
//! **Never** tells what a wrapper does.

/// How a wrapper's own options and operands are told from the command behind them.
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    /// Short options that take a value.
    pub(super) short: &'static str,
    /// Long options that take a value in the next word.
    pub(super) long: &'static [&'static str],
    /// Words that stand between the options and the command.
    pub(super) operands: usize,
    /// What becomes of the rest.
    pub(super) rest: Rest,
}

/// What stands behind a wrapper's own words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Program,
    /// The rest is joined by blanks and read by a shell.
    Text,
    /// Depends on the options: both are looked at.
    Both,
}

/// A wrapper whose rest is a program with its arguments.
pub(super) const fn program(
    names: &'static [&'static str],
    short: &'static str,
    long: &'static [&'static str],
    operands: usize,
) -> Wrapper {
    Wrapper {
        names,
        short,
        long,
        operands,
        rest: Rest::Program,
    }
}

/// Every wrapper that is known.
pub(super) const WRAPPERS: &[Wrapper] = &[
    program(
        &["sudo"],
        "CDghpRrTtUu",
        &[
            "close-from",
            "chdir",
            "group",
            "host",
            "prompt",
            "chroot",
            "role",
            "type",
            "command-timeout",
            "other-user",
            "user",
        ],
        0,
    ),
    program(&["doas"], "Cua", &[], 0),
    program(&["pkexec"], "", &["user"], 0),
    program(
        &["env"],
        "uCSa",
        &["unset", "chdir", "split-string", "argv0"],
        0,
    ),
    program(&["timeout"], "ks", &["kill-after", "signal"], 1),
    program(&["nice"], "n", &["adjustment"], 0),
    program(
        &["ionice"],
        "cnpPu",
        &["class", "classdata", "pid", "pgid", "uid"],
        0,
    ),
    program(&["chrt"], "pTPD", &["pid"], 1),
    program(&["taskset"], "p", &[], 1),
    program(
        &["numactl"],
        "CNmipP",
        &["cpunodebind", "physcpubind", "membind", "interleave"],
        0,
    ),
    program(&["setarch"], "", &[], 1),
    program(
        &[
            "linux32",
            "linux64",
            "nohup",
            "setsid",
            "unbuffer",
            "catchsegv",
            "fakeroot",
        ],
        "",
        &[],
        0,
    ),
    program(
        &["command", "builtin", "busybox", "toybox", "coproc"],
        "",
        &[],
        0,
    ),
    program(&["exec"], "a", &[], 0),
    program(&["stdbuf"], "ioe", &["input", "output", "error"], 0),
    program(&["time"], "fo", &["format", "output"], 0),
    program(
        &["xargs"],
        "adEILnPs",
        &[
            "arg-file",
            "delimiter",
            "max-lines",
            "max-args",
            "max-procs",
            "max-chars",
            "process-slot-var",
        ],
        0,
    ),
    program(&["chroot"], "", &["groups", "userspec"], 1),
    program(&["nsenter"], "tSG", &["target", "setuid", "setgid"], 0),
    program(
        &["unshare"],
        "RwSGl",
        &["root", "wd", "setuid", "setgid", "propagation"],
        0,
    ),
    program(
        &["setpriv"],
        "",
        &["reuid", "regid", "groups", "inh-caps", "bounding-set"],
        0,
    ),
    program(&["prlimit"], "p", &["pid"], 0),
    program(&["chpst"], "ubdmpocfr/", &[], 0),
    program(&["capsh"], "", &[], 0),
    program(
        &["systemd-run"],
        "uHMpEtC",
        &[
            "unit",
            "host",
            "machine",
            "property",
            "setenv",
            "description",
            "slice",
            "uid",
            "gid",
            "nice",
            "working-directory",
            "on-active",
            "on-boot",
            "on-calendar",
            "service-type",
        ],
        0,
    ),
    program(&["systemd-inhibit"], "", &["what", "who", "why", "mode"], 0),
    program(
        &["strace", "ltrace"],
        "aeEIbopPsSuUX",
        &["output", "trace", "user"],
        0,
    ),
    program(&["perf"], "eopCF", &[], 1),
    program(&["logsave"], "", &[], 1),
    program(&["firejail"], "", &[], 0),
    program(
        &[
            "torsocks",
            "proxychains",
            "proxychains4",
            "eatmydata",
            "chronic",
            "ts",
        ],
        "f",
        &[],
        0,
    ),
    program(
        &["daemonize", "start-stop-daemon"],
        "cedpuaxnosgGk",
        &["exec", "startas"],
        0,
    ),
    program(
        &["docker exec", "podman exec", "docker run", "podman run"],
        "euwvpnlh",
        &[
            "env",
            "user",
            "workdir",
            "volume",
            "name",
            "network",
            "entrypoint",
            "publish",
        ],
        1,
    ),
    program(
        &["kubectl exec", "oc exec"],
        "cnp",
        &["container", "namespace"],
        1,
    ),
    program(&["ip netns exec"], "", &[], 1),
    program(&["machinectl shell"], "M", &["machine", "uid", "setenv"], 1),
    Wrapper {
        names: &["ssh"],
        short: "BbcDEeFIiJLlmOopQRSWw",
        long: &[],
        operands: 1,
        rest: Rest::Text,
    },
    Wrapper {
        names: &["watch"],
        short: "nq",
        long: &["interval", "equexit"],
        operands: 0,
        rest: Rest::Both,
    },
    Wrapper {
        names: &["parallel", "entr", "rush"],
        short: "aCdEIjLnNPsuo",
        long: &[
            "jobs",
            "arg-file",
            "colsep",
            "delimiter",
            "joblog",
            "results",
        ],
        operands: 0,
        rest: Rest::Both,
    },
    Wrapper {
        names: &["flock"],
        short: "Ew",
        long: &["timeout", "wait", "conflict-exit-code"],
        operands: 1,
        rest: Rest::Both,
    },
    Wrapper {
        names: &["eval"],
        short: "",
        long: &[],
        operands: 0,
        rest: Rest::Text,
    },
    Wrapper {
        names: &["tmux", "screen"],
        short: "cfLSsTnxtpFhe",
        long: &[],
        operands: 0,
        rest: Rest::Both,
    },
];
