"""What nginx's documentation says of each directive: where it may stand, how many arguments it takes, since when.

Facts of nginx.org (Copyright (C) 2002-2021 Igor Sysoev, (C) 2011-2026 Nginx, Inc.; BSD-2-Clause). Read by `directive`. A module's name,
then a line for each list of contexts, then directives: name, arguments (`2`, `1-2`, `1+`), `{` where it takes a block, `$` where some of it
belongs to the commercial edition, first version (of njs, ACME and otel: the module's own).
"""

from __future__ import annotations

TABLE = """\
ngx_http_core_module
  http, server, location: absolute_redirect 1 1.11.8, aio 1 0.8.11, aio_write 1 1.9.13, auth_delay 1 1.17.10, chunked_transfer_encoding
    1, client_body_buffer_size 1, client_body_in_file_only 1, client_body_in_single_buffer 1, client_body_temp_path 1-4,
    client_body_timeout 1, client_max_body_size 1, default_type 1, directio 1 0.7.7, directio_alignment 1 0.8.11, disable_symlinks 1-2
    1.1.15, early_hints 1+ 1.29.0, error_log_tag 2$ 1.29.8, etag 1 1.3.3, if_modified_since 1 0.7.24, keepalive_disable 1+,
    keepalive_min_timeout 1 1.27.4, keepalive_requests 1 0.8.0, keepalive_time 1 1.19.10, keepalive_timeout 1-2, lingering_close 1
    1.1.0, lingering_time 1, lingering_timeout 1, log_not_found 1, log_subrequest 1, max_ranges 1 1.1.2, msie_padding 1, msie_refresh 1,
    open_file_cache 1-3, open_file_cache_errors 1, open_file_cache_events 1, open_file_cache_min_uses 1, open_file_cache_valid 1,
    output_buffers 2, port_in_redirect 1, postpone_output 1, read_ahead 1, recursive_error_pages 1, reset_timedout_connection 1,
    resolver 1+$, resolver_timeout 1, satisfy 1, send_lowat 1, send_timeout 1, sendfile_max_chunk 1, server_name_in_redirect 1,
    server_tokens 1, subrequest_output_buffer_size 1 1.13.10, tcp_nodelay 1, tcp_nopush 1, types 0{, types_hash_bucket_size 1,
    types_hash_max_size 1
  location: alias 1, internal 0, limit_except 1+{
  http, server: client_header_buffer_size 1, client_header_timeout 1, connection_pool_size 1, ignore_invalid_headers 1,
    large_client_header_buffers 2, max_headers 1 1.29.8, merge_slashes 1, request_pool_size 1, underscores_in_headers 1
  http, server, location, if in location: error_page 2+, limit_rate 1, limit_rate_after 1 0.8.0, root 1, sendfile 1
  main: http 0{
  server: listen 1+, server_name 1+
  server, location: location 1-2{, try_files 2+
  http: server 0+{, server_names_hash_bucket_size 1, server_names_hash_max_size 1, variables_hash_bucket_size 1, variables_hash_max_size
    1
Core functionality
  events: accept_mutex 1, accept_mutex_delay 1, debug_connection 1, multi_accept 1, stall_threshold 1$ 1.29.0, use 1,
    worker_aio_requests 1 1.1.4, worker_connections 1
  main: daemon 1, debug_points 1, env 1, events 0{, load_module 1 1.9.11, lock_file 1, master_process 1, pcre_jit 1 1.1.12, pid 1,
    ssl_engine 1, ssl_object_cache_inheritable 1 1.27.4, thread_pool 2-3 1.7.11, timer_resolution 1, user 1-2, worker_cpu_affinity 1+,
    worker_priority 1, worker_processes 1, worker_rlimit_core 1, worker_rlimit_nofile 1, worker_shutdown_timeout 1 1.11.11,
    working_directory 1
  main, http, mail, stream, server, location: error_log 1+$
  any: include 1
ngx_http_acme_module
  acme_issuer: accept_terms_of_service 0, account_key 1, challenge 1 0.2.0, common_name_in_csr 1 0.4.0, contact 1, external_account_key
    2 0.2.0, preferred_chain 1 0.3.0, profile 1-2 0.3.0, ssl_trusted_certificate 1, ssl_verify 1, state_path 1, uri 1
  server: acme_certificate 1+
  http: acme_issuer 1{, acme_shared_zone 1
ngx_http_log_module
  http, server, location, if in location, limit_except: access_log 1+
  http: log_format 2+
  http, server, location: open_log_file_cache 1-4
ngx_stream_log_module
  stream, server: access_log 1+, open_log_file_cache 1-4
  stream: log_format 2+
ngx_http_addition_module
  http, server, location: add_after_body 1, add_before_body 1, addition_types 1+ 0.7.9
ngx_http_headers_module
  http, server, location, if in location: add_header 2-3, add_header_inherit 1 1.29.3, add_trailer 2-3 1.13.2, add_trailer_inherit 1
    1.29.3, expires 1-2
ngx_http_access_module
  http, server, location, limit_except: allow 1, deny 1
ngx_stream_access_module
  stream, server: allow 1, deny 1
ngx_http_browser_module
  http, server, location: ancient_browser 1+, ancient_browser_value 1, modern_browser 1-2, modern_browser_value 1
ngx_http_api_module
  location: api 0-1, api 0-1
  server, location, if in location: status_zone 1 1.13.12, status_zone 1 1.13.12
ngx_http_auth_basic_module
  http, server, location, limit_except: auth_basic 1, auth_basic_user_file 1
ngx_mail_auth_http_module
  mail, server: auth_http 1, auth_http_header 2, auth_http_pass_client_cert 1 1.7.11, auth_http_timeout 1
ngx_http_auth_jwt_module
  http, server, location, limit_except: auth_jwt 1-2, auth_jwt_key_file 1, auth_jwt_key_request 1 1.15.6, auth_jwt_require 1+ 1.21.2,
    auth_jwt_type 1 1.19.7
  http: auth_jwt_claim_set 2+ 1.11.10, auth_jwt_header_set 2+ 1.11.10
  http, server, location: auth_jwt_key_cache 1 1.21.4, auth_jwt_leeway 1 1.13.10
ngx_http_oidc_module
  http, server, location: auth_oidc 1
  oidc_provider: client_id 1, client_secret 1, config_url 1, cookie_name 1, extra_auth_args 1, frontchannel_logout_uri 1 1.29.3, issuer
    1, logout_token_hint 1 1.29.0, logout_uri 1 1.29.0, pkce 1 1.29.3, post_logout_uri 1 1.29.0, redirect_uri 1, scope 1+, session_store
    1, session_timeout 1, ssl_crl 1, ssl_trusted_certificate 1, userinfo 1 1.29.0
  http: oidc_provider 1{
ngx_http_auth_request_module
  http, server, location: auth_request 1, auth_request_set 2
ngx_http_auth_require_module
  http, server, location, limit_except: auth_require 1+
ngx_http_autoindex_module
  http, server, location: autoindex 1, autoindex_exact_size 1, autoindex_format 1 1.7.9, autoindex_localtime 1
ngx_http_rewrite_module
  server, location, if: break 0, return 1-2, rewrite 2-3, set 2
  server, location: if 1+{
  http, server, location, if: rewrite_log 1, uninitialized_variable_warn 1
ngx_http_charset_module
  http, server, location, if in location: charset 1, override_charset 1, source_charset 1
  http: charset_map 2{
  http, server, location: charset_types 1+ 0.7.9
ngx_http_dav_module
  http, server, location: create_full_put_path 1, dav_access 1+, dav_methods 1+, min_delete_depth 1
ngx_http_empty_gif_module
  location: empty_gif 0
ngx_mgmt_module
  mgmt: enforce_initial_report 1 1.27.2, license_token 1 1.27.2, proxy 1 1.27.4, proxy_password 1 1.27.4, proxy_username 1 1.27.4,
    resolver 1+, ssl_crl 1, ssl_trusted_certificate 1, ssl_verify 1, state_path 1 1.27.2, usage_report 0-2
  main: mgmt 0{
ngx_http_f4f_module
  location: f4f 0
  http, server, location: f4f_buffer_size 1
ngx_http_fastcgi_module
  http, server, location: fastcgi_allow_upstream 1+$ 1.29.3, fastcgi_bind 1-2 0.8.22, fastcgi_bind_dynamic 1$ 1.29.3,
    fastcgi_buffer_size 1, fastcgi_buffering 1 1.5.6, fastcgi_buffers 2, fastcgi_busy_buffers_size 1, fastcgi_cache 1,
    fastcgi_cache_background_update 1 1.11.10, fastcgi_cache_bypass 1+, fastcgi_cache_key 1, fastcgi_cache_lock 1 1.1.12,
    fastcgi_cache_lock_age 1 1.7.8, fastcgi_cache_lock_timeout 1 1.1.12, fastcgi_cache_max_range_offset 1 1.11.6, fastcgi_cache_methods
    1+ 0.7.59, fastcgi_cache_min_uses 1, fastcgi_cache_purge 1+$ 1.5.7, fastcgi_cache_revalidate 1 1.5.7, fastcgi_cache_use_stale 1+,
    fastcgi_cache_valid 1+, fastcgi_catch_stderr 1, fastcgi_connect_timeout 1, fastcgi_force_ranges 1 1.7.7, fastcgi_hide_header 1,
    fastcgi_ignore_client_abort 1, fastcgi_ignore_headers 1+, fastcgi_index 1, fastcgi_intercept_errors 1, fastcgi_keep_conn 1 1.1.4,
    fastcgi_limit_rate 1 1.7.7, fastcgi_max_temp_file_size 1, fastcgi_next_upstream 1+$, fastcgi_next_upstream_timeout 1 1.7.5,
    fastcgi_next_upstream_tries 1 1.7.5, fastcgi_no_cache 1+, fastcgi_param 2-3, fastcgi_pass_header 1, fastcgi_pass_request_body 1,
    fastcgi_pass_request_headers 1, fastcgi_read_timeout 1, fastcgi_request_buffering 1 1.7.11, fastcgi_request_dynamic 1$ 1.29.3,
    fastcgi_send_lowat 1, fastcgi_send_timeout 1, fastcgi_socket_keepalive 1 1.15.6, fastcgi_socket_rcvbuf 1 1.31.3,
    fastcgi_socket_sndbuf 1 1.31.3, fastcgi_store 1, fastcgi_store_access 1+, fastcgi_temp_file_write_size 1, fastcgi_temp_path 1-4
  http: fastcgi_cache_path 2+$
  location, if in location: fastcgi_pass 1
  location: fastcgi_split_path_info 1
ngx_http_flv_module
  location: flv 0
ngx_http_geo_module
  http: geo 1-2{
ngx_stream_geo_module
  stream: geo 1-2{
ngx_http_geoip_module
  http: geoip_city 1, geoip_country 1, geoip_org 1 1.0.3, geoip_proxy 1 1.3.0, geoip_proxy_recursive 1 1.3.0
ngx_stream_geoip_module
  stream: geoip_city 1, geoip_country 1, geoip_org 1
ngx_google_perftools_module
  main: google_perftools_profiles 1
ngx_http_grpc_module
  http, server, location: grpc_allow_upstream 1$ 1.29.3, grpc_bind 1-2, grpc_bind_dynamic 1$ 1.29.3, grpc_buffer_size 1,
    grpc_connect_timeout 1, grpc_hide_header 1, grpc_ignore_headers 1+, grpc_intercept_errors 1, grpc_next_upstream 1+$,
    grpc_next_upstream_timeout 1, grpc_next_upstream_tries 1, grpc_pass_header 1, grpc_read_timeout 1, grpc_request_dynamic 1$ 1.29.3,
    grpc_send_timeout 1, grpc_set_header 2, grpc_socket_keepalive 1 1.15.6, grpc_socket_rcvbuf 1 1.31.3, grpc_socket_sndbuf 1 1.31.3,
    grpc_ssl_certificate 1, grpc_ssl_certificate_cache 1-3 1.27.4, grpc_ssl_certificate_key 1, grpc_ssl_ciphers 1, grpc_ssl_conf_command
    2 1.19.4, grpc_ssl_crl 1, grpc_ssl_key_log 1$ 1.27.2, grpc_ssl_name 1, grpc_ssl_password_file 1, grpc_ssl_protocols 1+,
    grpc_ssl_server_name 1, grpc_ssl_session_reuse 1, grpc_ssl_trusted_certificate 1, grpc_ssl_verify 1, grpc_ssl_verify_depth 1
  location, if in location: grpc_pass 1
ngx_http_gunzip_module
  http, server, location: gunzip 1, gunzip_buffers 2
ngx_http_gzip_module
  http, server, location, if in location: gzip 1
  http, server, location: gzip_buffers 2, gzip_comp_level 1, gzip_disable 1+ 0.6.23, gzip_http_version 1, gzip_min_length 1,
    gzip_proxied 1+, gzip_types 1+, gzip_vary 1
ngx_http_gzip_static_module
  http, server, location: gzip_static 1
ngx_http_upstream_module
  upstream: hash 1-2 1.7.2, ip_hash 0, keepalive 1-2 1.1.4, keepalive_requests 1 1.15.3, keepalive_time 1 1.19.10, keepalive_timeout 1
    1.15.3, least_conn 0 1.3.1, least_time 1-2 1.7.10, ntlm 0$ 1.9.2, queue 1-2$ 1.5.12, random 0-2 1.15.1, resolver 1+$ 1.27.3,
    resolver_timeout 1 1.27.3, server 0+$, state 1$ 1.9.7, sticky 1+$ 1.5.7, zone 1-2 1.9.0
  http: upstream 1{
ngx_stream_upstream_module
  upstream: hash 1-2, least_conn 0, least_time 1-2 1.7.11, random 0-2 1.15.1, resolver 1+$ 1.27.3, resolver_timeout 1 1.27.3, server
    0+$, state 1$ 1.9.7, zone 1-2
  stream: upstream 1{
ngx_http_upstream_hc_module
  location: health_check 0-1
  http: match 1{
ngx_stream_upstream_hc_module
  server: health_check 0-1
  stream, server: health_check_timeout 1
  stream: match 1{
ngx_http_hls_module
  location: hls 0
  http, server, location: hls_buffers 2, hls_forward_args 1 1.5.12, hls_fragment 1, hls_mp4_buffer_size 1, hls_mp4_max_buffer_size 1
ngx_http_v2_module
  http, server: http2 1 1.25.1, http2_body_preread_size 1 1.11.0, http2_idle_timeout 1, http2_max_concurrent_pushes 1 1.13.9,
    http2_max_concurrent_streams 1, http2_max_field_size 1, http2_max_header_size 1, http2_max_requests 1 1.11.6, http2_recv_timeout 1
  http, server, location: http2_chunk_size 1, http2_push 1 1.13.9, http2_push_preload 1 1.13.9
  http: http2_recv_buffer_size 1
ngx_http_v3_module
  http, server: http3 1, http3_hq 1, http3_max_concurrent_streams 1, http3_stream_buffer_size 1, quic_active_connection_id_limit 1,
    quic_gso 1, quic_host_key 1, quic_retry 1
  main: quic_bpf 1
ngx_http_image_filter_module
  location: image_filter 1-3
  http, server, location: image_filter_buffer 1, image_filter_interlace 1 1.3.15, image_filter_jpeg_quality 1, image_filter_sharpen 1,
    image_filter_transparency 1, image_filter_webp_quality 1 1.11.6
ngx_mail_imap_module
  mail, server: imap_auth 1+, imap_capabilities 1+, imap_client_buffer 1
ngx_http_index_module
  http, server, location: index 1+
ngx_http_internal_redirect_module
  server, location: internal_redirect 1
ngx_http_js_module
  location, if in location, limit_except: js_access 1 0.9.9, js_body_filter 1-2 0.5.2, js_content 1, js_header_filter 1 0.5.1
  http, server, location: js_context_reuse 1 0.8.6, js_engine 1 0.8.6, js_fetch_buffer_size 1 0.7.4, js_fetch_ciphers 1 0.7.0,
    js_fetch_keepalive 1 0.9.2, js_fetch_keepalive_requests 1 0.9.2, js_fetch_keepalive_time 1 0.9.2, js_fetch_keepalive_timeout 1
    0.9.2, js_fetch_max_response_buffer_size 1 0.7.4, js_fetch_protocols 1-4 0.7.0, js_fetch_proxy 1 0.9.4, js_fetch_timeout 1 0.7.4,
    js_fetch_trusted_certificate 1 0.7.0, js_fetch_verify 1 0.7.4, js_fetch_verify_depth 1 0.7.0, js_import 1-3 0.4.0, js_path 1 0.3.0,
    js_preload_object 1-3 0.7.8, js_set 2-3, js_var 1-2 0.5.3
  http: js_include 1, js_shared_dict_zone 1-5 0.8.0
  main: js_load_http_native_module 1-3 0.9.5
  location: js_periodic 1-4 0.8.1
ngx_stream_js_module
  stream, server: js_access 1, js_context_reuse 1 0.8.6, js_engine 1 0.8.6, js_fetch_buffer_size 1 0.7.4, js_fetch_ciphers 1 0.7.0,
    js_fetch_keepalive 1 0.9.2, js_fetch_keepalive_requests 1 0.9.2, js_fetch_keepalive_time 1 0.9.2, js_fetch_keepalive_timeout 1
    0.9.2, js_fetch_max_response_buffer_size 1 0.7.4, js_fetch_protocols 1-4 0.7.0, js_fetch_proxy 1 0.9.4, js_fetch_timeout 1 0.7.4,
    js_fetch_trusted_certificate 1 0.7.0, js_fetch_verify 1 0.7.4, js_fetch_verify_depth 1 0.7.0, js_filter 1, js_import 1-3 0.4.0,
    js_path 1 0.3.0, js_preload_object 1-3 0.7.8, js_preread 1, js_set 2-3, js_var 1-2 0.5.3
  stream: js_include 1, js_shared_dict_zone 1-5 0.8.0
  main: js_load_stream_native_module 1-3 0.9.5
  server: js_periodic 1-4 0.8.1
ngx_http_keyval_module
  http: keyval 3, keyval_zone 1-5
ngx_stream_keyval_module
  stream: keyval 3, keyval_zone 1-5
ngx_http_limit_conn_module
  http, server, location: limit_conn 2, limit_conn_dry_run 1 1.17.6, limit_conn_log_level 1 0.8.18, limit_conn_status 1 1.3.15
  http: limit_conn_zone 2, limit_zone 3
ngx_stream_limit_conn_module
  stream, server: limit_conn 2, limit_conn_dry_run 1 1.17.6, limit_conn_log_level 1
  stream: limit_conn_zone 2
ngx_http_limit_req_module
  http, server, location: limit_req 1+, limit_req_dry_run 1 1.17.1, limit_req_log_level 1 0.8.18, limit_req_status 1 1.3.15
  http: limit_req_zone 3-4$
ngx_mail_core_module
  server: listen 1+, protocol 1
  main: mail 0{
  mail, server: max_errors 1 1.21.0, resolver 1+$, resolver_timeout 1, server_name 1, timeout 1
  mail: server 0+{
ngx_stream_core_module
  server: listen 1+, server_name 1+ 1.25.5
  stream, server: preread_buffer_size 1 1.11.5, preread_timeout 1 1.11.5, proxy_protocol_timeout 1 1.11.4, resolver 1+$ 1.11.3,
    resolver_timeout 1$ 1.11.3, tcp_nodelay 1 1.9.4
  stream: server 0+{, server_names_hash_bucket_size 1 1.25.5, server_names_hash_max_size 1 1.25.5, variables_hash_bucket_size 1 1.11.2,
    variables_hash_max_size 1 1.11.2
  main: stream 0{
ngx_http_map_module
  http: map 2{, map_hash_bucket_size 1, map_hash_max_size 1
ngx_stream_map_module
  stream: map 2{, map_hash_bucket_size 1, map_hash_max_size 1
ngx_http_memcached_module
  http, server, location: memcached_allow_upstream 1+$ 1.29.3, memcached_bind 1-2 0.8.22, memcached_bind_dynamic 1$ 1.29.3,
    memcached_buffer_size 1, memcached_connect_timeout 1, memcached_gzip_flag 1 1.3.6, memcached_next_upstream 1+$,
    memcached_next_upstream_timeout 1 1.7.5, memcached_next_upstream_tries 1 1.7.5, memcached_read_timeout 1, memcached_send_timeout 1,
    memcached_socket_keepalive 1 1.15.6
  location, if in location: memcached_pass 1
ngx_http_mirror_module
  http, server, location: mirror 1, mirror_request_body 1
ngx_http_mp4_module
  location: mp4 0
  http, server, location: mp4_buffer_size 1, mp4_limit_rate 1$, mp4_limit_rate_after 1$, mp4_max_buffer_size 1, mp4_start_key_frame 1
    1.21.4
ngx_stream_mqtt_filter_module
  stream, server: mqtt 1, mqtt_buffers 2 1.25.1
  server: mqtt_rewrite_buffer_size 1, mqtt_set_connect 2
ngx_stream_mqtt_preread_module
  stream, server: mqtt_preread 1
ngx_http_num_map_module
  http: num_map 1-2{
ngx_stream_num_map_module
  stream: num_map 1-2{
ngx_otel_module
  http: otel_exporter 0{, otel_resource_attr 2 0.1.2, otel_service_name 1
  http, server, location: otel_span_attr 2, otel_span_name 1, otel_trace 1, otel_trace_context 1
ngx_stream_pass_module
  server: pass 1
ngx_http_perl_module
  location, limit_except: perl 1
  http: perl_modules 1, perl_require 1, perl_set 2
ngx_mail_pop3_module
  mail, server: pop3_auth 1+, pop3_capabilities 1+
ngx_mail_proxy_module
  mail, server: proxy 1, proxy_buffer 1, proxy_pass_error_message 1, proxy_protocol 1 1.19.8, proxy_smtp_auth 1 1.19.4, proxy_timeout 1,
    xclient 1
ngx_http_proxy_module
  http, server, location: proxy_allow_upstream 1+$ 1.29.3, proxy_bind 1-2 0.8.22, proxy_bind_dynamic 1$ 1.29.3, proxy_buffer_size 1,
    proxy_buffering 1, proxy_buffers 2, proxy_busy_buffers_size 1, proxy_cache 1, proxy_cache_background_update 1 1.11.10,
    proxy_cache_bypass 1+, proxy_cache_convert_head 1 1.9.7, proxy_cache_key 1, proxy_cache_lock 1 1.1.12, proxy_cache_lock_age 1 1.7.8,
    proxy_cache_lock_timeout 1 1.1.12, proxy_cache_max_range_offset 1 1.11.6, proxy_cache_methods 1+ 0.7.59, proxy_cache_min_uses 1,
    proxy_cache_purge 1+$ 1.5.7, proxy_cache_revalidate 1 1.5.7, proxy_cache_use_stale 1+, proxy_cache_valid 1+, proxy_connect_timeout
    1, proxy_cookie_domain 1-2 1.1.15, proxy_cookie_flags 1+ 1.19.3, proxy_cookie_path 1-2 1.1.15, proxy_force_ranges 1 1.7.7,
    proxy_headers_hash_bucket_size 1, proxy_headers_hash_max_size 1, proxy_hide_header 1, proxy_http_version 1 1.1.4,
    proxy_ignore_client_abort 1, proxy_ignore_headers 1+, proxy_intercept_errors 1, proxy_limit_rate 1 1.7.7, proxy_max_temp_file_size
    1, proxy_method 1, proxy_next_upstream 1+$, proxy_next_upstream_timeout 1 1.7.5, proxy_next_upstream_tries 1 1.7.5, proxy_no_cache
    1+, proxy_pass_header 1, proxy_pass_request_body 1, proxy_pass_request_headers 1, proxy_pass_trailers 1 1.27.2, proxy_read_timeout
    1, proxy_redirect 1-2, proxy_request_buffering 1 1.7.11, proxy_request_dynamic 1$ 1.29.3, proxy_send_lowat 1, proxy_send_timeout 1,
    proxy_set_body 1, proxy_set_header 2, proxy_socket_keepalive 1 1.15.6, proxy_socket_rcvbuf 1 1.31.3, proxy_socket_sndbuf 1 1.31.3,
    proxy_ssl_certificate 1 1.7.8, proxy_ssl_certificate_cache 1-3 1.27.4, proxy_ssl_certificate_key 1 1.7.8, proxy_ssl_ciphers 1 1.5.6,
    proxy_ssl_conf_command 2 1.19.4, proxy_ssl_crl 1 1.7.0, proxy_ssl_key_log 1$ 1.27.2, proxy_ssl_name 1 1.7.0, proxy_ssl_password_file
    1 1.7.8, proxy_ssl_protocols 1+ 1.5.6, proxy_ssl_server_name 1 1.7.0, proxy_ssl_session_reuse 1, proxy_ssl_trusted_certificate 1
    1.7.0, proxy_ssl_verify 1 1.7.0, proxy_ssl_verify_depth 1 1.7.0, proxy_store 1, proxy_store_access 1+, proxy_temp_file_write_size 1,
    proxy_temp_path 1-4
  http: proxy_cache_path 2+$
  location, if in location, limit_except: proxy_pass 1
ngx_stream_proxy_module
  stream, server: proxy_bind 1-2 1.9.2, proxy_bind_dynamic 1$ 1.29.3, proxy_buffer_size 1 1.9.4, proxy_connect_timeout 1,
    proxy_download_rate 1 1.9.3, proxy_half_close 1 1.21.4, proxy_next_upstream 1, proxy_next_upstream_timeout 1,
    proxy_next_upstream_tries 1, proxy_protocol 1 1.9.2, proxy_requests 1 1.15.7, proxy_responses 1 1.9.13, proxy_session_drop 1$
    1.15.8, proxy_socket_keepalive 1 1.15.6, proxy_socket_rcvbuf 1 1.31.3, proxy_socket_sndbuf 1 1.31.3, proxy_ssl 1, proxy_ssl_alpn 1+
    1.31.0, proxy_ssl_certificate 1, proxy_ssl_certificate_cache 1-3 1.27.4, proxy_ssl_certificate_key 1, proxy_ssl_ciphers 1,
    proxy_ssl_conf_command 2 1.19.4, proxy_ssl_crl 1, proxy_ssl_key_log 1$ 1.27.2, proxy_ssl_name 1, proxy_ssl_password_file 1,
    proxy_ssl_protocols 1+, proxy_ssl_server_name 1, proxy_ssl_session_reuse 1, proxy_ssl_trusted_certificate 1, proxy_ssl_verify 1,
    proxy_ssl_verify_depth 1, proxy_timeout 1, proxy_upload_rate 1 1.9.3
  server: proxy_pass 1
ngx_http_random_index_module
  location: random_index 1
ngx_http_realip_module
  http, server, location: real_ip_header 1, real_ip_recursive 1 1.3.0, set_real_ip_from 1
ngx_http_referer_module
  server, location: referer_hash_bucket_size 1 1.0.5, referer_hash_max_size 1 1.0.5, valid_referers 1+
ngx_stream_return_module
  server: return 1
ngx_http_scgi_module
  http, server, location: scgi_allow_upstream 1+$ 1.29.3, scgi_bind 1-2, scgi_bind_dynamic 1$ 1.29.3, scgi_buffer_size 1, scgi_buffering
    1, scgi_buffers 2, scgi_busy_buffers_size 1, scgi_cache 1, scgi_cache_background_update 1 1.11.10, scgi_cache_bypass 1+,
    scgi_cache_key 1, scgi_cache_lock 1 1.1.12, scgi_cache_lock_age 1 1.7.8, scgi_cache_lock_timeout 1 1.1.12,
    scgi_cache_max_range_offset 1 1.11.6, scgi_cache_methods 1+, scgi_cache_min_uses 1, scgi_cache_purge 1+$ 1.5.7,
    scgi_cache_revalidate 1 1.5.7, scgi_cache_use_stale 1+, scgi_cache_valid 1+, scgi_connect_timeout 1, scgi_force_ranges 1 1.7.7,
    scgi_hide_header 1, scgi_ignore_client_abort 1, scgi_ignore_headers 1+, scgi_intercept_errors 1, scgi_limit_rate 1 1.7.7,
    scgi_max_temp_file_size 1, scgi_next_upstream 1+$, scgi_next_upstream_timeout 1 1.7.5, scgi_next_upstream_tries 1 1.7.5,
    scgi_no_cache 1+, scgi_param 2-3, scgi_pass_header 1, scgi_pass_request_body 1, scgi_pass_request_headers 1, scgi_read_timeout 1,
    scgi_request_buffering 1 1.7.11, scgi_request_dynamic 1$ 1.29.3, scgi_send_timeout 1, scgi_socket_keepalive 1 1.15.6,
    scgi_socket_rcvbuf 1 1.31.3, scgi_socket_sndbuf 1 1.31.3, scgi_store 1, scgi_store_access 1+, scgi_temp_file_write_size 1,
    scgi_temp_path 1-4
  http: scgi_cache_path 2+$
  location, if in location: scgi_pass 1
ngx_http_secure_link_module
  http, server, location: secure_link 1, secure_link_md5 1
  location: secure_link_secret 1
ngx_http_session_log_module
  http, server, location: session_log 1
  http: session_log_format 2+, session_log_zone 2-6
ngx_stream_set_module
  server: set 2
ngx_mail_realip_module
  mail, server: set_real_ip_from 1
ngx_stream_realip_module
  stream, server: set_real_ip_from 1
ngx_http_slice_module
  http, server, location: slice 1
ngx_mail_smtp_module
  mail, server: smtp_auth 1+, smtp_capabilities 1+, smtp_client_buffer 1, smtp_greeting_delay 1
ngx_http_split_clients_module
  http: split_clients 2{
ngx_stream_split_clients_module
  stream: split_clients 2{
ngx_http_ssi_module
  http, server, location, if in location: ssi 1
  http, server, location: ssi_last_modified 1 1.5.1, ssi_min_file_chunk 1, ssi_silent_errors 1, ssi_types 1+, ssi_value_length 1
ngx_http_ssl_module
  http, server: ssl 1, ssl_buffer_size 1 1.5.9, ssl_certificate 1, ssl_certificate_cache 1-3 1.27.4, ssl_certificate_compression 1
    1.29.1, ssl_certificate_key 1, ssl_ciphers 1, ssl_client_certificate 1, ssl_conf_command 2 1.19.4, ssl_crl 1 0.8.7, ssl_dhparam 1
    0.7.2, ssl_early_data 1 1.15.3, ssl_ecdh_curve 1 1.1.0, ssl_ech_file 1 1.29.4, ssl_key_log 1$ 1.27.2, ssl_ocsp 1 1.19.0,
    ssl_ocsp_cache 0-1 1.19.0, ssl_ocsp_responder 1 1.19.0, ssl_password_file 1 1.7.3, ssl_prefer_server_ciphers 1, ssl_protocols 1+,
    ssl_reject_handshake 1 1.19.4, ssl_session_cache 1-2, ssl_session_ticket_key 1 1.5.7, ssl_session_tickets 1 1.5.9,
    ssl_session_timeout 1, ssl_stapling 1 1.3.7, ssl_stapling_file 1 1.3.7, ssl_stapling_responder 1 1.3.7, ssl_stapling_verify 1 1.3.7,
    ssl_trusted_certificate 1 1.3.7, ssl_verify_client 1, ssl_verify_depth 1
ngx_mail_ssl_module
  mail, server: ssl 1, ssl_certificate 1, ssl_certificate_compression 1 1.29.1, ssl_certificate_key 1, ssl_ciphers 1,
    ssl_client_certificate 1 1.7.11, ssl_conf_command 2 1.19.4, ssl_crl 1 1.7.11, ssl_dhparam 1 0.7.2, ssl_ecdh_curve 1 1.1.0,
    ssl_password_file 1 1.7.3, ssl_prefer_server_ciphers 1, ssl_protocols 1+, ssl_session_cache 1-2, ssl_session_ticket_key 1 1.5.7,
    ssl_session_tickets 1 1.5.9, ssl_session_timeout 1, ssl_trusted_certificate 1 1.7.11, ssl_verify_client 1 1.7.11, ssl_verify_depth 1
    1.7.11, starttls 1
ngx_stream_ssl_module
  stream, server: ssl_alpn 1+ 1.21.4, ssl_certificate 1, ssl_certificate_cache 1-3 1.27.4, ssl_certificate_compression 1 1.29.1,
    ssl_certificate_key 1, ssl_ciphers 1, ssl_client_certificate 1 1.11.8, ssl_conf_command 2 1.19.4, ssl_crl 1 1.11.8, ssl_dhparam 1,
    ssl_ecdh_curve 1, ssl_ech_file 1 1.29.4, ssl_handshake_timeout 1, ssl_key_log 1$ 1.27.2, ssl_ocsp 1 1.27.2, ssl_ocsp_cache 0-1
    1.27.2, ssl_ocsp_responder 1 1.27.2, ssl_password_file 1, ssl_prefer_server_ciphers 1, ssl_protocols 1+, ssl_reject_handshake 1
    1.25.5, ssl_session_cache 1-2, ssl_session_ticket_key 1, ssl_session_tickets 1, ssl_session_timeout 1, ssl_stapling 1 1.27.2,
    ssl_stapling_file 1 1.27.2, ssl_stapling_responder 1 1.27.2, ssl_stapling_verify 1 1.27.2, ssl_trusted_certificate 1 1.11.8,
    ssl_verify_client 1 1.11.8, ssl_verify_depth 1 1.11.8
ngx_stream_ssl_preread_module
  stream, server: ssl_preread 1
ngx_http_status_module
  location: status 0
  http, server, location: status_format 1-2
  server: status_zone 1
ngx_http_stub_status_module
  server, location: stub_status 0-1
ngx_http_sub_module
  http, server, location: sub_filter 2, sub_filter_last_modified 1 1.5.1, sub_filter_once 1, sub_filter_types 1+
ngx_http_tunnel_module
  http, server, location: tunnel_allow_upstream 1+$, tunnel_bind 1, tunnel_bind_dynamic 1$, tunnel_buffer_size 1, tunnel_connect_timeout
    1, tunnel_next_upstream 1+$, tunnel_next_upstream_timeout 1, tunnel_next_upstream_tries 1, tunnel_read_timeout 1, tunnel_send_lowat
    1, tunnel_send_timeout 1, tunnel_socket_keepalive 1, tunnel_socket_rcvbuf 1 1.31.3, tunnel_socket_sndbuf 1 1.31.3
  server, location, if in location: tunnel_pass 0-1
ngx_http_upstream_conf_module
  location: upstream_conf 0
ngx_http_userid_module
  http, server, location: userid 1, userid_domain 1, userid_expires 1, userid_flags 1+ 1.19.3, userid_mark 1, userid_name 1, userid_p3p
    1, userid_path 1, userid_service 1
ngx_http_uwsgi_module
  http, server, location: uwsgi_allow_upstream 1+$ 1.29.3, uwsgi_bind 1-2, uwsgi_bind_dynamic 1$ 1.29.3, uwsgi_buffer_size 1,
    uwsgi_buffering 1, uwsgi_buffers 2, uwsgi_busy_buffers_size 1, uwsgi_cache 1, uwsgi_cache_background_update 1 1.11.10,
    uwsgi_cache_bypass 1+, uwsgi_cache_key 1, uwsgi_cache_lock 1 1.1.12, uwsgi_cache_lock_age 1 1.7.8, uwsgi_cache_lock_timeout 1
    1.1.12, uwsgi_cache_max_range_offset 1 1.11.6, uwsgi_cache_methods 1+, uwsgi_cache_min_uses 1, uwsgi_cache_purge 1+$ 1.5.7,
    uwsgi_cache_revalidate 1 1.5.7, uwsgi_cache_use_stale 1+, uwsgi_cache_valid 1+, uwsgi_connect_timeout 1, uwsgi_force_ranges 1 1.7.7,
    uwsgi_hide_header 1, uwsgi_ignore_client_abort 1, uwsgi_ignore_headers 1+, uwsgi_intercept_errors 1, uwsgi_limit_rate 1 1.7.7,
    uwsgi_max_temp_file_size 1, uwsgi_modifier1 1, uwsgi_modifier2 1, uwsgi_next_upstream 1+$, uwsgi_next_upstream_timeout 1 1.7.5,
    uwsgi_next_upstream_tries 1 1.7.5, uwsgi_no_cache 1+, uwsgi_param 2-3, uwsgi_pass_header 1, uwsgi_pass_request_body 1,
    uwsgi_pass_request_headers 1, uwsgi_read_timeout 1, uwsgi_request_buffering 1 1.7.11, uwsgi_request_dynamic 1$ 1.29.3,
    uwsgi_send_timeout 1, uwsgi_socket_keepalive 1 1.15.6, uwsgi_socket_rcvbuf 1 1.31.3, uwsgi_socket_sndbuf 1 1.31.3,
    uwsgi_ssl_certificate 1 1.7.8, uwsgi_ssl_certificate_cache 1-3 1.27.4, uwsgi_ssl_certificate_key 1 1.7.8, uwsgi_ssl_ciphers 1 1.5.8,
    uwsgi_ssl_conf_command 2 1.19.4, uwsgi_ssl_crl 1 1.7.0, uwsgi_ssl_key_log 1$ 1.27.2, uwsgi_ssl_name 1 1.7.0, uwsgi_ssl_password_file
    1 1.7.8, uwsgi_ssl_protocols 1+ 1.5.8, uwsgi_ssl_server_name 1 1.7.0, uwsgi_ssl_session_reuse 1 1.5.8, uwsgi_ssl_trusted_certificate
    1 1.7.0, uwsgi_ssl_verify 1 1.7.0, uwsgi_ssl_verify_depth 1 1.7.0, uwsgi_store 1, uwsgi_store_access 1+, uwsgi_temp_file_write_size
    1, uwsgi_temp_path 1-4
  http: uwsgi_cache_path 2+$
  location, if in location: uwsgi_pass 1-2
ngx_http_xslt_module
  http, server, location: xml_entities 1, xml_external_entities 1 1.31.3, xslt_last_modified 1 1.5.1, xslt_param 2 1.1.18,
    xslt_string_param 2 1.1.18, xslt_types 1+
  location: xslt_stylesheet 1+
ngx_stream_zone_sync_module
  server: zone_sync 0, zone_sync_server 1-2
  stream, server: zone_sync_buffers 2, zone_sync_connect_retry_interval 1, zone_sync_connect_timeout 1, zone_sync_interval 1,
    zone_sync_recv_buffer_size 1, zone_sync_ssl 1, zone_sync_ssl_certificate 1, zone_sync_ssl_certificate_key 1, zone_sync_ssl_ciphers
    1, zone_sync_ssl_conf_command 2 1.19.4, zone_sync_ssl_crl 1, zone_sync_ssl_name 1 1.15.7, zone_sync_ssl_password_file 1,
    zone_sync_ssl_protocols 1-6, zone_sync_ssl_server_name 1 1.15.7, zone_sync_ssl_trusted_certificate 1, zone_sync_ssl_verify 1,
    zone_sync_ssl_verify_depth 1, zone_sync_timeout 1
"""
