"""Failures of Python, of JavaScript and of Ruby, with their tests and their packages."""

from __future__ import annotations

from tests.sandbox_proof.failing import CLOSED, Failing

_SUM_TEST = """\
def add(a, b):
    return a - b


def test_a_sum():
    print("adding")
    assert add(2, 2) == 4


def test_nothing():
    assert True
"""

_MANY_TESTS = """\
import pytest

@pytest.mark.parametrize("number", range(20))
def test_each(number):
    total = number + 1
    assert total == number, f"the sum of {number} is wrong"
"""

_UNITTEST = """\
import unittest


class Sums(unittest.TestCase):
    def test_a_sum(self):
        self.assertEqual(2 + 2, 5)

    def test_a_crash(self):
        {}["missing"]

    def test_nothing(self):
        pass
"""

_CRASH = """\
import json


def read(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise RuntimeError("the settings can't be read") from error


def main():
    read("{broken")


main()
"""

_NODE_TEST = """\
const test = require("node:test");
const assert = require("node:assert");

test("sums are right", () => {
  assert.strictEqual(2 + 2, 5);
});

test("nothing", () => {});
"""

_JEST = """\
describe("sums", () => {
  it("adds", () => {
    expect(2 + 2).toBe(5);
  });
  it("does nothing", () => {});
});
"""

_RSPEC = """\
RSpec.describe "sums" do
  it "adds" do
    expect(2 + 2).to eq(5)
  end

  it "does nothing" do
  end
end
"""

_MINITEST = """\
require "minitest/autorun"

class SumsTest < Minitest::Test
  def test_adds
    assert_equal 5, 2 + 2
  end

  def test_crashes
    nil.missing
  end
end
"""

PYTHON = (
    Failing(
        "pytest",
        (),
        "python -m pytest -p no:cacheprovider",
        ("assert add(2, 2) == 4", "assert 0 == 4", "FAILED test_sum.py::test_a_sum", "1 failed"),
        {"test_sum.py": _SUM_TEST},
        ("test session starts", "rootdir"),
    ),
    Failing(
        "pytest-many",
        (),
        "python -m pytest -q -p no:cacheprovider",
        ("the sum of 0 is wrong", "20 failed"),
        {"test_each.py": _MANY_TESTS},
    ),
    Failing(
        "pytest-collection",
        (),
        "python -m pytest -p no:cacheprovider",
        ("import absent", "No module named 'absent'", "ERROR test_import.py"),
        {"test_import.py": "import absent\n"},
    ),
    Failing(
        "unittest",
        (),
        "python -m unittest",
        (
            "ERROR: test_a_crash",
            "KeyError: 'missing'",
            "FAIL: test_a_sum",
            "AssertionError: 4 != 5",
            "FAILED (failures=1, errors=1)",
        ),
        {"test_sums.py": _UNITTEST},
    ),
    Failing(
        "python-traceback",
        (),
        "python app.py",
        ("line 12, in main", "line 8, in read", "RuntimeError: the settings can't be read"),
        {"app.py": _CRASH},
    ),
    Failing(
        "python-syntax",
        (),
        "python app.py",
        ('app.py", line 1', "def broken(:", "SyntaxError: invalid syntax"),
        {"app.py": "def broken(:\n"},
    ),
    Failing(
        "python-recursion",
        (),
        "python app.py",
        ("RecursionError: maximum recursion depth exceeded",),
        {"app.py": "def again():\n    return again()\n\n\nagain()\n"},
    ),
    Failing(
        "python-module",
        (),
        "python -m absent_module",
        ("No module named absent_module",),
    ),
    Failing(
        "python-memory",
        (),
        "ulimit -v 400000; python -c 'bytearray(1 << 40)'",
        ("MemoryError",),
    ),
    Failing(
        "pip-index",
        (),
        "python -m pip install absent-package",
        (
            "Could not find a version that satisfies the requirement absent-package",
            "No matching distribution found for absent-package",
        ),
    ),
    Failing(
        "pip-build",
        (),
        "python -m pip install --no-build-isolation --no-deps ./broken",
        ("RuntimeError: libfoo is needed to build this",),
        {
            "broken/setup.py": "import setuptools\nraise RuntimeError('libfoo is needed to build this')\n"
        },
    ),
    Failing(
        "pip-requirements",
        (),
        "python -m pip install -r absent.txt",
        ("Could not open requirements file", "No such file or directory: 'absent.txt'"),
    ),
)

JAVASCRIPT = (
    Failing(
        "node-crash",
        ("node",),
        "node app.js",
        ("app.js:2", "TypeError: Cannot read properties of undefined (reading 'name')", "app.js:2"),
        {"app.js": "function greet(person) {\n  return person.name;\n}\n\ngreet(undefined);\n"},
        ("node:internal", "Node.js v"),
    ),
    Failing(
        "node-module",
        ("node",),
        "node app.js",
        ("Cannot find module 'absent'", "app.js"),
        {"app.js": "require('absent');\n"},
        ("node:internal",),
    ),
    Failing(
        "node-syntax",
        ("node",),
        "node app.js",
        ("app.js:1", "const = 3;", "SyntaxError: Unexpected token '='"),
        {"app.js": "const = 3;\n"},
    ),
    Failing(
        "node-test",
        ("node",),
        "node --test --test-reporter=tap",
        ("not ok 1 - sums are right", "4 !== 5", "fail 1"),
        {"sums.test.js": _NODE_TEST},
    ),
    Failing(
        "node-test-spec",
        ("node",),
        "node --test --test-reporter=spec",
        ("sums are right", "4 !== 5", "fail 1"),
        {"sums.test.js": _NODE_TEST},
    ),
    Failing(
        "node-memory",
        ("node",),
        "node --max-old-space-size=20 -e 'const a = []; for (;;) a.push(new Array(1000).fill(1.5));'",
        ("JavaScript heap out of memory",),
    ),
    Failing(
        "npm-script",
        ("npm",),
        "npm run absent",
        ('Missing script: "absent"',),
        {"package.json": '{"name": "demo", "version": "1.0.0"}\n'},
        ("complete log of this run",),
    ),
    Failing(
        "npm-script-fails",
        ("npm",),
        "npm test",
        ("TypeError: total.sum is not a function",),
        {
            "package.json": '{"name": "demo", "version": "1.0.0", "scripts": {"test": "node a.js"}}\n',
            "a.js": "const total = 3;\ntotal.sum();\n",
        },
    ),
    Failing(
        "npm-registry",
        ("npm",),
        "npm install absent-package",
        ("ECONNREFUSED", "127.0.0.1:1"),
        {"package.json": '{"name": "demo", "version": "1.0.0"}\n'},
        ("complete log of this run",),
    ),
    Failing(
        "npm-ci-without-lock",
        ("npm",),
        "npm ci",
        ("code EUSAGE", "can only install with an existing package-lock.json"),
        {"package.json": '{"name": "demo", "version": "1.0.0"}\n'},
    ),
    Failing(
        "npm-json",
        ("npm",),
        "npm install",
        ("code EJSONPARSE",),
        {"package.json": '{"name": "demo",,}\n'},
    ),
    Failing(
        "tsc",
        ("tsc",),
        "tsc --noEmit --strict app.ts",
        ("app.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.",),
        {"app.ts": 'const total: number = "three";\nconsole.log(total);\n'},
    ),
    Failing(
        "jest",
        ("jest",),
        "jest",
        ("sums › adds", "Expected: 5", "Received: 4", "sums.test.js:3", "1 failed"),
        {"sums.test.js": _JEST, "package.json": '{"name": "demo"}\n'},
    ),
    Failing(
        "mocha",
        ("mocha",),
        "mocha sums.test.js",
        ("1 failing", "sums", "AssertionError", "sums.test.js:4"),
        {
            "sums.test.js": (
                'const assert = require("node:assert");\n'
                'describe("sums", () => {\n'
                '  it("adds", () => {\n'
                "    assert.strictEqual(2 + 2, 5);\n  });\n});\n"
            )
        },
    ),
)

RUBY = (
    Failing(
        "ruby-crash",
        ("ruby",),
        "ruby app.rb",
        ("app.rb:2:in `greet'", "undefined method `name' for nil:NilClass (NoMethodError)"),
        {"app.rb": "def greet(person)\n  person.name\nend\n\ngreet(nil)\n"},
    ),
    Failing(
        "ruby-gem",
        ("ruby",),
        "ruby app.rb",
        ("cannot load such file -- absent (LoadError)",),
        {"app.rb": 'require "absent"\n'},
    ),
    Failing(
        "rspec",
        ("rspec",),
        "rspec sums_spec.rb",
        (
            "Failure/Error: expect(2 + 2).to eq(5)",
            "expected: 5",
            "got: 4",
            "1 failure",
            "rspec ./sums_spec.rb:2",
        ),
        {"sums_spec.rb": _RSPEC},
    ),
    Failing(
        "minitest",
        ("ruby",),
        "ruby sums_test.rb --seed 1",
        ("SumsTest#test_", "SumsTest#test_", "1 failures, 1 errors"),
        {"sums_test.rb": _MINITEST},
    ),
    Failing(
        "bundler",
        ("bundle",),
        "bundle install",
        ("Could not fetch specs from http://127.0.0.1:1/", "refused"),
        {"Gemfile": f'source "{CLOSED}"\ngem "absent"\n'},
    ),
    Failing(
        "bundler-local",
        ("bundle",),
        "bundle install --local",
        ("Could not find gem 'absent'",),
        {"Gemfile": f'source "{CLOSED}"\ngem "absent"\n'},
    ),
)
