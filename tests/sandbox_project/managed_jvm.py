"""Small projects of Maven and of Gradle."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from tests.parts.package_managers import FOLDER
from tests.parts.registries import Registry
from tests.sandbox_project.managed_projects import SAID, Managed


def maven(folder: Path, registry: Registry) -> Managed:
    """Two modules, of which one needs the other; plugins from what was fetched of Maven's own repository."""
    _publish_jar(registry)
    parent = (
        "<parent><groupId>shop</groupId><artifactId>root</artifactId><version>1</version></parent>"
    )
    central = (FOLDER / "maven").as_uri()
    where = "".join(
        f"<{kind}ies><{kind}y><id>{name}</id><url>{url}</url></{kind}y></{kind}ies>"
        for kind, name, url in (("pluginRepositor", "central", central),)
    )
    repositories = (
        f"<repositories><repository><id>central</id><url>{central}</url></repository>"
        f"<repository><id>shop</id><url>{registry.url}/maven</url></repository></repositories>"
    )
    files = {
        "pom.xml": _pom(
            "<groupId>shop</groupId><artifactId>root</artifactId><version>1</version>"
            "<packaging>pom</packaging><modules><module>base</module><module>app</module></modules>"
            "<properties><maven.compiler.source>17</maven.compiler.source>"
            f"<maven.compiler.target>17</maven.compiler.target></properties>{repositories}{where}"
        ),
        "base/pom.xml": _pom(
            f"{parent}<artifactId>base</artifactId><dependencies><dependency><groupId>shop</groupId>"
            "<artifactId>greet</artifactId><version>1.0</version></dependency></dependencies>"
        ),
        "base/src/main/java/Base.java": "public class Base {}\n",
        "app/pom.xml": _pom(
            f"{parent}<artifactId>app</artifactId><dependencies><dependency><groupId>shop</groupId>"
            "<artifactId>base</artifactId><version>1</version></dependency></dependencies>"
        ),
        "app/src/main/java/App.java": "public class App extends Base {}\n",
        ".gitignore": "target/\n",
    }
    find = 'find "${MAVEN_OPTS#*=}" -name "greet-1.0.jar" | grep -q greet'
    return Managed(files, f"mvn --offline --batch-mode --quiet compile && {find} && echo {SAID}")


def gradle(folder: Path, registry: Registry) -> Managed:
    """A project whose wrapper is the Gradle of this machine."""
    _publish_jar(registry)
    files = {
        "gradlew": 'exec gradle "$@"\n',
        "settings.gradle": "rootProject.name = 'shop'\n",
        "build.gradle": "apply plugin: 'java'\n"
        f"repositories {{ maven {{ url '{registry.url}/maven' }} }}\n"
        "dependencies { compile 'shop:greet:1.0' }\n"
        "task said { doLast { configurations.runtimeClasspath.each "
        "{ println it.name == 'greet-1.0.jar' ? 'greet speaks' : it } } }\n",
        ".gitignore": ".gradle/\nbuild/\n",
    }
    # Gradle's cache may be moved from its version 6.1 on; Debian has an older one.
    return Managed(files, "sh ./gradlew --no-daemon --offline --quiet said", stays=True)


def _pom(content: str) -> str:
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"{content}</project>\n"
    )


def _publish_jar(registry: Registry) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    pom = _pom("<groupId>shop</groupId><artifactId>greet</artifactId><version>1.0</version>")
    for kind, data in (("jar", content.getvalue()), ("pom", pom.encode())):
        path = f"/maven/shop/greet/1.0/greet-1.0.{kind}"
        registry.publish(path, data)
        registry.publish(f"{path}.sha1", hashlib.sha1(data).hexdigest())
