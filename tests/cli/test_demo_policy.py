"""The network policy of the demo on a cluster."""

from __future__ import annotations

from typing import Any

from cli.demo_cluster import policy


def egress(servers: set[str], git_url: str) -> list[Any]:
    spec: Any = policy(servers, git_url)["spec"]
    assert (spec["podSelector"], spec["policyTypes"]) == ({}, ["Egress"])
    found: list[Any] = spec["egress"]
    return found


def test_pods_reach_all_but_the_api_server() -> None:
    open_to, _ = egress({"10.96.0.1", "172.18.0.2", "fd00::1"}, "http://172.18.0.1:8080/demo.git")
    assert open_to == {
        "to": [
            {"namespaceSelector": {}},
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.96.0.1/32", "172.18.0.2/32"]}},
            {"ipBlock": {"cidr": "::/0", "except": ["fd00::1/128"]}},
        ]
    }


def test_the_git_server_is_reached_also_where_it_has_the_api_servers_address() -> None:
    _, git = egress({"192.168.1.5"}, "http://192.168.1.5:8080/demo.git")
    assert git == {
        "to": [{"ipBlock": {"cidr": "192.168.1.5/32"}}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }
    _, over_6 = egress(set(), "http://[fd00::5]:8080/demo.git")
    assert over_6["to"] == [{"ipBlock": {"cidr": "fd00::5/128"}}]
