// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// A macro in <openssl/tls1.h>: Swift imports functions only.
static inline long COpenSSL_set_host_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }

// A macro in <openssl/ssl.h> that casts and calls SSL_CTX_ctrl.
static inline long COpenSSL_require_tls12(SSL_CTX *ctx) { return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION); }

// The option bits are macros with arguments.
static inline uint64_t COpenSSL_set_client_options(SSL_CTX *ctx) {
    return SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

// Stacks are typed by macros.
static inline int COpenSSL_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

// Stacks are typed by macros, and a name is a union: the length of the DNS-ID at the index, -1 for another kind.
static inline int COpenSSL_dns_name(const GENERAL_NAMES *names, int index, const unsigned char **data) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name == NULL || name->type != GEN_DNS) return -1;
    *data = ASN1_STRING_get0_data(name->d.dNSName);
    return ASN1_STRING_length(name->d.dNSName);
}

// The flag is a macro of type long for a function that takes unsigned long.
static inline void COpenSSL_skip_dane_ee_names(SSL_CTX *ctx) { SSL_CTX_dane_set_flags(ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS); }

// Stacks are typed by macros.
static inline int COpenSSL_certificate_count(const STACK_OF(X509) *chain) { return sk_X509_num(chain); }

// Stacks are typed by macros.
static inline X509 *COpenSSL_certificate(const STACK_OF(X509) *chain, int index) { return sk_X509_value(chain, index); }

// Stacks are typed by macros.
static inline void COpenSSL_free_certificates(STACK_OF(X509) *chain) { sk_X509_pop_free(chain, X509_free); }
