/* The keyed hash, against the example in the paper's appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/key_hash.h"
#include "tidegate/base.h"

static void it_is_what_the_paper_says(void **state)
{
    unsigned char secret[KEY_HASH_SECRET_BYTES], bytes[15];
    (void)state;

    for (unsigned char i = 0; i < sizeof secret; i++)
        secret[i] = i;
    for (unsigned char i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    assert_true(key_hash(secret, bytes, sizeof bytes) == UINT64_C(0xa129ca6149be45e5));
}

static void the_secret_and_every_byte_and_the_length_matter(void **state)
{
    unsigned char secret[KEY_HASH_SECRET_BYTES] = { 0 }, bytes[24] = { 0 };
    uint64_t usual = key_hash(secret, bytes, sizeof bytes);
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_true(key_hash(secret, bytes, sizeof bytes) != usual);
        bytes[i] = 0;
        assert_true(key_hash(secret, bytes, i) != usual);
    }
    for (size_t i = 0; i < sizeof secret; i++) {
        secret[i] = 1;
        assert_true(key_hash(secret, bytes, sizeof bytes) != usual);
        secret[i] = 0;
    }
    (void)key_hash(secret, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_the_paper_says),
        cmocka_unit_test(the_secret_and_every_byte_and_the_length_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
