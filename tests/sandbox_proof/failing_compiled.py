"""Failures of compilers, of what they made, and of their packages."""

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
        "cargo test --offline --lib -- --test-threads=1",
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
    Failing(
        "go-deadlock",
        ("go",),
        "go run .",
        ("fatal error: all goroutines are asleep - deadlock!", "main.go:4"),
        {
            "go.mod": _GO_MODULE,
            "main.go": "package main\n\nfunc main() {\n\t<-make(chan int)\n}\n",
        },
    ),
    Failing(
        "go-test-build",
        ("go",),
        "go test ./...",
        ("sum_test.go:6:", "undefined: missing", "[build failed]"),
        {
            "go.mod": _GO_MODULE,
            "sum_test.go": 'package demo\n\nimport "testing"\n\nfunc TestSum(t *testing.T) {\n\tmissing()\n}\n',
        },
    ),
    Failing(
        "java-memory",
        ("javac", "java"),
        "javac App.java && java -Xmx16m App",
        ("java.lang.OutOfMemoryError: Java heap space", "at App.main(App.java:3)"),
        {
            "App.java": (
                "public class App {\n    public static void main(String[] arguments) {\n"
                "        System.out.println(new long[100_000_000].length);\n    }\n}\n"
            )
        },
    ),
    Failing(
        "maven",
        ("mvn",),
        "mvn -B -Dmaven.repo.local=repository compile",
        ("[ERROR]", "could not be resolved", "127.0.0.1:1"),
        {
            "pom.xml": (
                "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>"
                "<artifactId>demo</artifactId><version>1</version><pluginRepositories>"
                f"<pluginRepository><id>central</id><url>{CLOSED}</url></pluginRepository>"
                "</pluginRepositories></project>\n"
            )
        },
        ("Re-run Maven", "[Help 1] http"),
    ),
    Failing(
        "cmake",
        ("cmake", "gcc"),
        "cmake .",
        ("CMake Error at CMakeLists.txt:3 (find_package)", "Absent"),
        {
            "CMakeLists.txt": (
                "cmake_minimum_required(VERSION 3.10)\nproject(demo LANGUAGES NONE)\n"
                "find_package(Absent REQUIRED)\n"
            )
        },
    ),
    Failing(
        "make-killed",
        ("make", "bash"),
        "make",
        ("make: *** [Makefile:4: app] Killed",),
        {"Makefile": "SHELL := bash\n\napp:\n\t@kill -9 $$$$\n"},
    ),
    Failing(
        "ninja",
        ("ninja",),
        "ninja",
        ("FAILED: app", "subcommand failed"),
        {"build.ninja": "rule make\n  command = exit 3\nbuild app: make\n"},
    ),
    Failing(
        "gcc-sanitizer",
        ("gcc",),
        "gcc -g -fsanitize=address -o app app.c && ./app",
        ("AddressSanitizer: heap-buffer-overflow", "main", "app.c:5"),
        {
            "app.c": (
                "#include <stdlib.h>\n\nint main(void) {\n    char *rows = malloc(4);\n"
                "    return rows[4];\n}\n"
            )
        },
    ),
)
