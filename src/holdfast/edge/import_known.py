"""What review and import take for granted: files that systems and tools ship, and directives that the Edge decides for all Sites."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.edge.include import includes
from holdfast.edge.parse import parse
from holdfast.edge.tls import PROFILES
from holdfast.edge.tree import Config

_FASTCGI = (
    "QUERY_STRING $query_string",
    "REQUEST_METHOD $request_method",
    "CONTENT_TYPE $content_type",
    "CONTENT_LENGTH $content_length",
    "SCRIPT_NAME $fastcgi_script_name",
    "REQUEST_URI $request_uri",
    "DOCUMENT_URI $document_uri",
    "DOCUMENT_ROOT $document_root",
    "SERVER_PROTOCOL $server_protocol",
    "REQUEST_SCHEME $scheme",
    "HTTPS $https if_not_empty",
    "GATEWAY_INTERFACE CGI/1.1",
    "SERVER_SOFTWARE nginx/$nginx_version",
    "REMOTE_ADDR $remote_addr",
    "REMOTE_PORT $remote_port",
    "SERVER_ADDR $server_addr",
    "SERVER_PORT $server_port",
    "SERVER_NAME $server_name",
    "REDIRECT_STATUS 200",
)
FASTCGI = "".join(f"fastcgi_param {each};\n" for each in _FASTCGI)
_TLS = f"ssl_protocols TLSv1.2 TLSv1.3;\nssl_prefer_server_ciphers off;\nssl_ciphers {':'.join(PROFILES['intermediate'].ciphers)};\n"
"""Both tools take Mozilla's, as the Edge does."""
SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "mime.types": "",
        "fastcgi_params": FASTCGI,
        "fastcgi.conf": f"fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;\n{FASTCGI}",
        "proxy_params": (
            "proxy_set_header Host $host;\nproxy_set_header X-Real-IP $remote_addr;\n"
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\nproxy_set_header X-Forwarded-Proto $scheme;\n"
        ),
        "snippets/snakeoil.conf": (
            "ssl_certificate /etc/ssl/certs/ssl-cert-snakeoil.pem;\nssl_certificate_key /etc/ssl/private/ssl-cert-snakeoil.key;\n"
        ),
        "options-ssl-nginx.conf": f"{_TLS}ssl_session_tickets off;\n",
        "conf.d/include/proxy.conf": (
            "add_header X-Served-By $host;\nproxy_set_header Host $host;\nproxy_set_header X-Forwarded-Scheme $scheme;\n"
            "proxy_set_header X-Forwarded-Proto $scheme;\nproxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
            "proxy_set_header X-Real-IP $remote_addr;\nproxy_pass $forward_scheme://$server:$port$request_uri;\n"
        ),
        "conf.d/include/force-ssl.conf": (
            'set $test "";\nif ($scheme = "http") {\n    set $test "H";\n}\n'
            'if ($request_uri = /.well-known/acme-challenge/test-challenge) {\n    set $test "${test}T";\n}\n'
            "if ($test = H) {\n    return 301 https://$host$request_uri;\n}\n"
        ),
        "conf.d/include/letsencrypt-acme-challenge.conf": (
            "location ^~ /.well-known/acme-challenge/ {\n    auth_basic off;\n    allow all;\n"
            "    root /data/letsencrypt-acme-challenge;\n}\n"
        ),
        "conf.d/include/ssl-ciphers.conf": _TLS,
        "conf.d/include/ssl-cache.conf": "ssl_session_cache shared:SSL:50m;\nssl_session_timeout 5m;\n",
        "conf.d/include/ip_ranges.conf": "",
        "conf.d/include/resolvers.conf": "",
    }
)
"""End of a path → what Debian, certbot or Nginx Proxy Manager writes there."""


def shipped(files: Mapping[str, Config]) -> Mapping[str, Config]:
    """Return files that are included, are not there, and say what everybody's say."""
    found: dict[str, Config] = {}
    for path, config in files.items():
        for directive in includes(config.directives):
            for end, text in SHIPPED.items():
                if directive.args[0] == end or directive.args[0].endswith(f"/{end}"):
                    base = "/" if path.startswith("/") else ""
                    where = directive.args[0] if directive.args[0].startswith("/") else f"{base}{directive.args[0]}"
                    if where not in files:
                        found[where] = parse(where, text.encode())
    return found


LEFT_TO_EDGE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "ssl_protocols ssl_ciphers ssl_prefer_server_ciphers ssl_ecdh_curve ssl_dhparam ssl_session_cache ssl_session_timeout "
                "ssl_session_tickets ssl_session_ticket_key ssl_buffer_size ssl_early_data ssl_conf_command ssl_stapling "
                "ssl_stapling_verify ssl_trusted_certificate ssl_stapling_responder ssl_verify_depth ssl"
            ).split(),
            "TLS is as the Edge's tls.profile says",
        ),
        **dict.fromkeys(
            "http2 http3 http2_push http2_push_preload http2_max_concurrent_streams http2_idle_timeout http2_max_field_size "
            "http2_max_header_size http2_max_requests http2_recv_timeout http3_hq quic_retry".split(),
            "protocols are offered as this nginx can",
        ),
        **dict.fromkeys(
            "access_log error_log log_format log_not_found log_subrequest rewrite_log open_log_file_cache".split(),
            "the Edge writes one log of JSON lines for all Sites",
        ),
        **dict.fromkeys(
            (
                "sendfile tcp_nopush tcp_nodelay aio directio keepalive_timeout keepalive_requests keepalive_time client_header_timeout "
                "client_body_timeout send_timeout reset_timedout_connection client_header_buffer_size large_client_header_buffers "
                "client_body_buffer_size client_body_temp_path proxy_temp_path fastcgi_temp_path uwsgi_temp_path scgi_temp_path "
                "types_hash_max_size types_hash_bucket_size server_names_hash_bucket_size server_names_hash_max_size "
                "variables_hash_max_size variables_hash_bucket_size map_hash_max_size map_hash_bucket_size proxy_headers_hash_max_size "
                "proxy_headers_hash_bucket_size proxy_temp_file_write_size "
                "proxy_max_temp_file_size "
                "open_file_cache open_file_cache_valid open_file_cache_min_uses "
                "open_file_cache_errors output_buffers postpone_output limit_conn_log_level limit_req_log_level proxy_socket_keepalive "
                "server_name_in_redirect port_in_redirect absolute_redirect merge_slashes underscores_in_headers ignore_invalid_headers "
                "lingering_close lingering_time lingering_timeout msie_padding "
            ).split(),
            "the Edge tunes itself",
        ),
        **dict.fromkeys(
            "gzip_vary gzip_proxied gzip_comp_level gzip_types gzip_min_length gzip_buffers gzip_http_version gzip_disable gzip_static "
            "gunzip brotli brotli_types brotli_comp_level brotli_static".split(),
            "compression is the Edge's",
        ),
        **dict.fromkeys(
            "types default_type charset charset_types source_charset override_charset".split(),
            "types of files are the Edge's, and text is UTF-8",
        ),
        **dict.fromkeys("resolver resolver_timeout".split(), "names are looked up by the Edge"),
        **dict.fromkeys("real_ip_header real_ip_recursive set_real_ip_from".split(), "who the client is, the Edge's trustedProxies say"),
        "server_tokens": "no version is ever told",
        "proxy_http_version": "applications are spoken to in HTTP/1.1",
        "proxy_headers_hash": "the Edge tunes itself",
    }
)
"""Directives that no Site says, with who does."""
