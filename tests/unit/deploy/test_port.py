"""Ports for what listens inside a box."""

from pathlib import Path

from deploy.port import inner_ports, is_taken

FOR_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_inner_ports_differ_are_free_and_are_never_given_to_a_client() -> None:
    ports = inner_ports(50)
    first = int(FOR_CLIENTS.read_text().split()[0]) if FOR_CLIENTS.exists() else 32_768
    assert len(set(ports)) == 50
    assert not [port for port in ports if is_taken(port) or not 1024 < port < first]
