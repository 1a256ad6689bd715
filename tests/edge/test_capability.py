"""Capability: what `nginx -V` prints, of several builds."""

from __future__ import annotations

import pytest

from holdfast.edge.capability import read_capability

BOOKWORM = """nginx version: nginx/1.22.1
built with OpenSSL 3.0.22 25 Aug 2026 (running with OpenSSL 3.0.19 27 Jan 2026)
TLS SNI support enabled
configure arguments: --with-cc-opt='-g -O2 -fPIC' --with-ld-opt='-Wl,-z,relro' --prefix=/usr/share/nginx --with-compat --with-debug \
--with-http_ssl_module --with-http_realip_module --with-http_auth_request_module --with-http_v2_module --with-mail_ssl_module \
--with-stream_ssl_module --with-http_perl_module=dynamic --with-mail=dynamic --with-stream=dynamic
"""
MAINLINE = """nginx version: nginx/1.31.3
built by gcc 14.2.0
built with OpenSSL 3.5.4 30 Sep 2025
TLS SNI support enabled
configure arguments: --prefix=/etc/nginx --with-stream --with-http_ssl_module --with-http_v2_module --with-http_v3_module \
--without-http_gzip_module --without-http_autoindex_module
"""


def test_debian_of_2023() -> None:
    found = read_capability(BOOKWORM, "1.22.1-9+deb12u11")
    assert (found.version, found.openssl, str(found)) == ((1, 22, 1), (3, 0, 19), "nginx 1.22.1-9+deb12u11, OpenSSL 3.0.19")
    assert {"ngx_http_ssl_module", "ngx_http_proxy_module", "ngx_http_auth_request_module", "ngx_http_core_module"} <= found.modules
    assert found.dynamic == {
        "ngx_http_perl_module",
        "ngx_mail_core_module",
        "ngx_mail_ssl_module",
        "ngx_stream_core_module",
        "ngx_stream_ssl_module",
    }
    assert found.has_http2
    later = (found.has_http2_directive, found.has_http3, found.has_resolve, found.has_sticky, found.rotates_tickets)
    assert not any(later)


def test_a_mainline_of_2026() -> None:
    found = read_capability(MAINLINE)
    assert found.has_http2_directive
    assert found.has_http3
    assert found.has_resolve
    assert found.has_sticky
    assert found.has_h2_upstreams
    assert found.has_polite_reload
    assert {"ngx_http_gzip_module", "ngx_http_autoindex_module"}.isdisjoint(found.modules)
    assert {"ngx_stream_core_module", "ngx_stream_map_module"} <= found.modules


def test_another_library_than_openssl_tells_no_version() -> None:
    found = read_capability("nginx version: openresty/1.27.1.2\nbuilt with BoringSSL\nconfigure arguments: --with-http_ssl_module")
    assert (found.product, found.version, found.openssl) == ("openresty", (1, 27, 1), None)


def test_a_build_without_tls() -> None:
    assert not read_capability("nginx version: nginx/1.25.0\nconfigure arguments: --prefix=/x").has_tls


def test_the_answer_of_another_program_is_refused() -> None:
    with pytest.raises(ValueError, match="no version"):
        read_capability("Server version: Apache/2.4.57 (Debian)")
