/* Fuzz target: faults of JSON. What jansson accepts has none, and what it refuses for its grammar has one, within the
 * text. */
#include "config/json_syntax.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct tg_json_fault fault = { .at = SIZE_MAX };
    json_error_t error;
    if (memchr(data, '\0', size))
        return 0;
    json_t *json = json_loadb(text, size, 0, &error);
    bool has_fault = tg_json_find_fault(text, size, &fault);
    if (has_fault && (json || fault.at > size || strlen(fault.text) == 0))
        abort();
    json_decref(json);
    return 0;
}
