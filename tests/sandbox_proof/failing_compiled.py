"""Failures of compilers, and of git, the shell and the machine."""

from __future__ import annotations

from tests.sandbox_proof.failing import CLOSED, Failing

_GO_MODULE = "module example.com/demo\n\ngo 1.21\n"
_GO_TEST = """\
package demo

import "testing"

func TestSum(t *testing.T) {
\tif got := 2 + 2; got != 5 {
\t\tt.Errorf("the sum is %d, not 5", got)
\t}
}

func TestNothing(t *testing.T) {}
"""
_GO_PANIC = """\
package main

func first(rows []int) int {
\treturn rows[len(rows)]
}

func main() {
\tprintln(first([]int{1}))
}
"""
_CARGO = '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n'
_RUST_TEST = """\
pub fn add(a: i32, b: i32) -> i32 {
    a - b
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        assert_eq!(super::add(2, 2), 4);
    }

    #[test]
    fn nothing() {}
}
"""
_JAVA_CRASH = """\
public class App {
    static int parse(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException error) {
            throw new IllegalStateException("the port isn't a number", error);
        }
    }

    public static void main(String[] arguments) {
        parse("eighty");
    }
}
"""
_C_ERROR = """\
#include <stdio.h>

int main(void) {
    int total = 3
    printf("%d\\n", totel);
    return 0;
}
"""
_REPO = "git init -q -b main repo && cd repo && echo one > a && git add a && git commit -qm one"

COMPILED = (
    Failing(
        "go-test",
        ("go",),
        "go test ./...",
        ("--- FAIL: TestSum", "sum_test.go:7: the sum is 4, not 5", "FAIL    example.com/demo"),
        {"go.mod": _GO_MODULE, "sum_test.go": _GO_TEST},
    ),
    Failing(
        "go-build",
        ("go",),
        "go build ./...",
        ("main.go:4:", "undefined: total"),
        {"go.mod": _GO_MODULE, "main.go": "package main\n\nfunc main() {\n\tprintln(total)\n}\n"},
    ),
    Failing(
        "go-panic",
        ("go",),
        "go run .",
        ("panic: runtime error: index out of range [1] with length 1", "main.go:4", "main.go:8"),
        {"go.mod": _GO_MODULE, "main.go": _GO_PANIC},
    ),
    Failing(
        "go-module",
        ("go",),
        "go mod download",
        ("example.com/absent", "127.0.0.1:1", "connection refused"),
        {"go.mod": f"{_GO_MODULE}\nrequire example.com/absent v1.0.0\n"},
    ),
    Failing(
        "go-import",
        ("go",),
        "go build -mod=readonly ./...",
        ("main.go:3:8: cannot find module providing package example.com/absent",),
        {
            "go.mod": _GO_MODULE,
            "main.go": 'package main\n\nimport _ "example.com/absent"\n\nfunc main() {}\n',
        },
    ),
    Failing(
        "cargo-build",
        ("cargo",),
        "cargo build --offline",
        ("error[E0425]: cannot find value `total` in this scope", "--> src/main.rs:2:"),
        {"Cargo.toml": _CARGO, "src/main.rs": 'fn main() {\n    println!("{}", total);\n}\n'},
    ),
    Failing(
        "cargo-test",
        ("cargo",),
        "cargo test --offline --lib",
        (
            "tests::adds",
            "panicked at src/lib.rs:9:9",
            "assertion `left == right` failed",
            "left: 0",
            "right: 4",
            "test result: FAILED. 1 passed; 1 failed",
        ),
        {"Cargo.toml": _CARGO, "src/lib.rs": _RUST_TEST},
    ),
    Failing(
        "cargo-dependency",
        ("cargo",),
        "cargo build --offline",
        ("error: no matching package named `absent` found",),
        {
            "Cargo.toml": f'{_CARGO}\n[dependencies]\nabsent = "1"\n',
            "src/main.rs": "fn main() {}\n",
        },
    ),
    Failing(
        "rust-panic",
        ("rustc",),
        "rustc -o app app.rs && RUST_BACKTRACE=1 ./app",
        ("panicked at app.rs:2:", "index out of bounds: the len is 1 but the index is 3"),
        {"app.rs": 'fn main() {\n    println!("{}", vec![1][std::env::args().count() + 2]);\n}\n'},
    ),
    Failing(
        "javac",
        ("javac",),
        "javac App.java",
        ("App.java:3: error: incompatible types: String cannot be converted to int",),
        {
            "App.java": 'public class App {\n    void run() {\n        int total = "three";\n    }\n}\n'
        },
    ),
    Failing(
        "java-crash",
        ("javac", "java"),
        "javac App.java && java App",
        (
            'Exception in thread "main" java.lang.IllegalStateException: the port isn\'t a number',
            "at App.parse(App.java:6)",
            'Caused by: java.lang.NumberFormatException: For input string: "eighty"',
        ),
        {"App.java": _JAVA_CRASH},
    ),
    Failing(
        "gcc",
        ("gcc",),
        "gcc -o app app.c",
        ("app.c:", "error: expected", "totel"),
        {"app.c": _C_ERROR},
    ),
    Failing(
        "gcc-link",
        ("gcc",),
        "gcc -o app app.c",
        ("undefined reference to `missing'",),
        {"app.c": "int missing(void);\n\nint main(void) {\n    return missing();\n}\n"},
    ),
    Failing(
        "make",
        ("make", "gcc"),
        "make",
        ("error: expected", "totel", "make: *** [Makefile:2: app] Error 1"),
        {"app.c": _C_ERROR, "Makefile": "app: app.c\n\tgcc -o app app.c\n"},
    ),
    Failing(
        "gcc-crash",
        ("gcc",),
        "gcc -o app app.c && bash -c './app; exit $?'",
        ("Segmentation fault",),
        {"app.c": "int main(void) {\n    *(volatile int *)0 = 1;\n    return 0;\n}\n"},
    ),
    Failing(
        "perl",
        ("perl",),
        "perl app.pl",
        ("Can't locate Absent.pm in @INC",),
        {"app.pl": "use Absent;\n"},
    ),
)

MACHINE = (
    Failing(
        "git-not-a-repo",
        ("git",),
        "git status",
        ("fatal: not a git repository",),
    ),
    Failing(
        "git-clone",
        ("git",),
        f"git clone --progress {CLOSED}/absent.git",
        ("fatal: unable to access 'http://127.0.0.1:1/absent.git/'",),
    ),
    Failing(
        "git-rejected",
        ("git",),
        f"{_REPO} && git clone -q --bare . ../bare && git remote add origin ../bare"
        " && git commit -q --amend -m two && git push origin main",
        ("! [rejected]", "main -> main (non-fast-forward)", "error: failed to push some refs"),
    ),
    Failing(
        "git-hook",
        ("git",),
        f"{_REPO} && git clone -q --bare . ../bare"
        " && printf '#!/bin/sh\\necho protected branch; exit 1\\n' > ../bare/hooks/pre-receive"
        " && chmod +x ../bare/hooks/pre-receive && git commit -q --allow-empty -m two"
        " && git push ../bare main",
        ("remote: protected branch", "! [remote rejected]", "pre-receive hook declined"),
    ),
    Failing(
        "git-conflict",
        ("git",),
        f"{_REPO} && git checkout -qb side && echo two > a && git commit -qam two"
        " && git checkout -q main && echo three > a && git commit -qam three && git merge side",
        ("CONFLICT (content): Merge conflict in a", "Automatic merge failed"),
    ),
    Failing(
        "shell-command",
        ("bash",),
        "bash -c 'set -e; echo begin; absent-command --now; echo end'",
        ("absent-command: command not found",),
    ),
    Failing(
        "shell-file",
        ("cat",),
        "cat absent/settings.toml",
        ("absent/settings.toml: No such file or directory",),
    ),
    Failing(
        "killed",
        ("bash",),
        "bash -c 'echo begin; bash -c \"kill -9 \\$\\$\"; exit $?'",
        ("Killed",),
    ),
    Failing(
        "disk-full",
        ("dd",),
        "dd if=/dev/zero of=/dev/full bs=1k count=1",
        ("No space left on device",),
    ),
)
