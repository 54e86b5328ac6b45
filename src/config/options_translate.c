/* The option table: a stream's `translate`, and the conditions in it. */
#include "condition.h"
#include "option_rows.h"

/* clang-format off */

static const struct tg_option_word decode_steps[] = {
    { "base64", TG_DECODE_BASE64 }, { "hex", TG_DECODE_HEX }, { "gunzip", TG_DECODE_GUNZIP },
    { "inflate", TG_DECODE_INFLATE }, { "utf8", TG_DECODE_UTF8 },
    { 0 },
};
static const struct tg_option_word misfit_actions[] = {
    { "drop", TG_MISFIT_DROP }, { "raw", TG_MISFIT_RAW }, { "error_event", TG_MISFIT_ERROR_EVENT }, { 0 }
};
static const struct tg_option_word seen_by[] = {
    { "id", TG_SEEN_ID }, { "content", TG_SEEN_CONTENT }, { 0 }
};

/* ---- conditions --------------------------------------------------------------------------------------- */

static const struct tg_option condition_options[] = {
    { .key = "pointer", .type = TG_OPTION_STRING, AT(tg_condition_keys, pointer),
      .grammar = &tg_grammar_pointer_or_all,
      .example = "\"pointer\": \"/price\", \"gt\": 0, \"le\": 100",
      .help = "Which part of the message the tests beside it look at, as a JSON pointer; the empty string is "
              "all of it. At least one test must stand beside it, and all that do must hold." },
    { .key = "exists", .type = TG_OPTION_BOOL, AT(tg_condition_keys, exists),
      .example = "\"pointer\": \"/error\", \"exists\": false",
      .help = "A test: the part is there (`true`), be it `null`, or it is not (`false`)." },
    { .key = "equals", .type = TG_OPTION_JSON, AT(tg_condition_keys, equals),
      .example = "\"pointer\": \"/type\", \"equals\": \"trade\"",
      .help = "A test: the part is this JSON value." },
    { .key = "one_of", .type = TG_OPTION_JSONS, AT(tg_condition_keys, one_of), .min = 1, .max = 10000,
      .example = "\"pointer\": \"/type\", \"one_of\": [ \"trade\", \"quote\" ]",
      .help = "A test: the part is one of these JSON values." },
    { .key = "gt", .type = TG_OPTION_NUMBER, AT(tg_condition_keys, gt),
      .example = "\"pointer\": \"/price\", \"gt\": 0",
      .help = "A test: the part is a number greater than this one." },
    { .key = "ge", .type = TG_OPTION_NUMBER, AT(tg_condition_keys, ge),
      .example = "\"pointer\": \"/level\", \"ge\": 3",
      .help = "A test: the part is a number greater than this one or equal to it." },
    { .key = "lt", .type = TG_OPTION_NUMBER, AT(tg_condition_keys, lt),
      .example = "\"pointer\": \"/price\", \"lt\": 99.5",
      .help = "A test: the part is a number less than this one." },
    { .key = "le", .type = TG_OPTION_NUMBER, AT(tg_condition_keys, le),
      .example = "\"pointer\": \"/price\", \"ge\": 1, \"le\": 2",
      .help = "A test: the part is a number less than this one or equal to it." },
    { .key = "matches", .type = TG_OPTION_STRING, AT(tg_condition_keys, matches),
      .grammar = &tg_grammar_regex, .example = "\"pointer\": \"/symbol\", \"matches\": \"^(AAPL|MSFT)$\"",
      .help = "A test: the part is a string in which this regular expression (PCRE2) finds something; `^` "
              "and `$` tie it to the beginning and the end. What cannot be found with reasonable effort is not "
              "there." },
    { .key = "text", .type = TG_OPTION_STRING, AT(tg_condition_keys, text), .example = "\"text\": \"[DONE]\"",
      .help = "The whole message, as text, is this; it need not be JSON." },
    { .key = "not", .type = TG_OPTION_CONDITION, AT(tg_condition_keys, negated), .min = 1, .max = 1000,
      .example = "\"not\": { \"pointer\": \"/type\", \"equals\": \"heartbeat\" }",
      .help = "The condition does not hold." },
    { .key = "any", .type = TG_OPTION_CONDITIONS, AT(tg_condition_keys, any),
      COUNT_AT(tg_condition_keys, any_count), .min = 1, .max = 1000,
      .example = "\"any\": [ { \"text\": \"[DONE]\" }, { \"pointer\": \"/done\", \"equals\": true } ]",
      .help = "At least one of the conditions holds." },
    { .key = "all", .type = TG_OPTION_CONDITIONS, AT(tg_condition_keys, all),
      COUNT_AT(tg_condition_keys, all_count), .min = 1, .max = 1000,
      .example = "\"all\": [ { \"pointer\": \"/id\", \"exists\": true }, { \"not\": { \"text\": \"{}\" } } ]",
      .help = "Each of the conditions holds. A list of conditions without this key means the same." },
};

const struct tg_option_object tg_options_condition = {
    .options = condition_options,
    .option_count = TG_COUNT_OF(condition_options),
    .size = sizeof(struct tg_condition_keys),
    .help = "A question about a message. It is an object with one of the keys `pointer` (with tests beside "
            "it), `text`, `not`, `any` and `all`, or a list of conditions, each of which must hold. "
            "Conditions stand in one another at most 16 deep. Where `pointer` finds nothing, no test "
            "holds but `\"exists\": false`.",
    .example = "[\n"
               "  { \"pointer\": \"/type\", \"one_of\": [ \"trade\", \"quote\" ] },\n"
               "  { \"not\": { \"pointer\": \"/symbol\", \"matches\": \"^TEST\" } }\n"
               "]",
};

/* ---- translate ---------------------------------------------------------------------------------------- */

static const struct tg_option seen_options[] = {
    { .key = "by", .type = TG_OPTION_ENUM, AT(tg_config_translate, seen), .words = seen_by,
      .is_required = true, .example = "\"by\": \"content\"",
      .help = "`id`: the event's id, by the rule `id` or as an `sse` backend sends it; `content`: the "
              "event's type and data." },
    { .key = "remember", .type = TG_OPTION_INTEGER, AT(tg_config_translate, seen_remember), .min = 1,
      .max = 10000000, .default_text = "10000", .example = "\"by\": \"content\", \"remember\": 500",
      .help = "How many of the events that came last are remembered." },
};
OBJECT(seen, .help = "Lets go of events that came before, as backends send them that are polled, or that "
                     "begin anew with each connection.");

static const struct tg_option translate_options[] = {
    { .key = "decode", .type = TG_OPTION_WORDS, AT(tg_config_translate, decode),
      COUNT_AT(tg_config_translate, decode_count), .words = decode_steps, .min = 1, .max = 8,
      .example = "\"decode\": [ \"base64\", \"gunzip\", \"utf8\" ]",
      .help = "What is done to the bytes of a message first, in this order: `base64` and `hex` read text "
              "(base64 in either alphabet, with or without padding; white space between groups of four, or between "
              "bytes), `gunzip` and `inflate` unpack; `utf8`, which can only be the last, makes text of the bytes. "
              "Without it they are a binary message." },
    { .key = "max_decoded", .type = TG_OPTION_SIZE, AT(tg_config_translate, max_decoded_bytes), .min = 1,
      .max = GIB(1), .default_text = "16MiB",
      .example = "\"decode\": [ \"gunzip\", \"utf8\" ], \"max_decoded\": \"1MiB\"",
      .help = "How large a message may be after each step of `decode`. A larger one is a misfit, and leaves a gap "
              "event if no other event comes of it." },
    { .key = "jq", .type = TG_OPTION_STRING, AT(tg_config_translate, jq), .grammar = &tg_grammar_jq,
      .example = "\"jq\": \".items[] | select(.price > 0) | { symbol, price }\"",
      .help = "A jq filter for messages that are JSON. Each of its outputs goes on as a message of its "
              "own. jq counts in doubles: integers beyond 2^53 lose their last digits. The filter runs in a process of its "
              "own; streams with the same filter share it on each worker. If the backend sends faster than the "
              "filter works, Tidegate reads more slowly." },
    { .key = "jq_timeout", .type = TG_OPTION_DURATION, AT(tg_config_translate, jq_timeout_ms),
      .min = MILLISECONDS(1), .max = SECONDS(10), .default_text = "100ms",
      .example = "\"jq\": \".items[]\", \"jq_timeout\": \"20ms\"",
      .help = "How long the filter may take for one message. A message that takes longer is a misfit. Meanwhile later messages "
              "of the same stream wait, and messages of streams with the same filter on the same worker; nothing else "
              "does. After a second message within a minute that takes too long or too much memory, the stream's filter "
              "pauses for 1 s (up to 30 s if that goes on); messages that arrive in the pause are misfits." },
    { .key = "jq_max_output", .type = TG_OPTION_SIZE, AT(tg_config_translate, jq_max_output_bytes), .min = 1,
      .max = GIB(1), .default_text = "1MiB",
      .example = "\"jq\": \".items[]\", \"jq_max_output\": \"64KiB\"",
      .help = "How large all outputs of the filter for one message may be together. A message with more is a misfit, as with "
              "`max_decoded`." },
    { .key = "split", .type = TG_OPTION_STRING, AT(tg_config_translate, split),
      .grammar = &tg_grammar_pointer_or_all, .example = "\"split\": \"/items\"",
      .help = "Where the message has an array, as a JSON pointer, each of whose items goes on as a message "
              "of its own; the empty string: the message itself is the array." },
    { .key = "when", .type = TG_OPTION_CONDITION, AT(tg_config_translate, when), .min = 1, .max = 1000,
      .example = "\"when\": { \"pointer\": \"/type\", \"equals\": \"trade\" }",
      .help = "Which messages make events. Without it, all do." },
    { .key = "event", .type = TG_OPTION_STRING, AT(tg_config_translate, event),
      .grammar = &tg_grammar_event_value, .example = "\"event\": \"{/type}.{/symbol|none}\"",
      .help = "The event's type: a JSON pointer such as `/type` into the message, a template, or the type "
              "itself. The message is a misfit if the pointer finds something other than a string, or if "
              "the type is one of Tidegate's own: `tidegate.…`, those that `sse` names, `error_event`. Without it, "
              "or where the pointer finds nothing, events have the type that an `sse` backend gives them, else none, and "
              "browsers call them `message`; "
              "`tidegate_upstream_untyped_events_total` counts such events, and the log warns if a pointer never finds a type." },
    { .key = "id", .type = TG_OPTION_STRING, AT(tg_config_translate, id), .grammar = &tg_grammar_id_value,
      .example = "\"id\": \"{/day}:{/seq}\"",
      .help = "Where the message has the event's id, as a JSON pointer to a string or an integer, or as a template. Ids "
              "have 1 to 128 letters, digits, `-`, `_`, `.` and `:`; a message without such an id is a misfit. Without "
              "the rule, events have the id that an `sse` backend gives them, else Tidegate numbers them." },
    { .key = "data", .type = TG_OPTION_STRING, AT(tg_config_translate, data),
      .grammar = &tg_grammar_data_value, .example = "\"data\": \"{/symbol} at {/price}\"",
      .help = "Which part of the message is the event's data, as a JSON pointer or a template; the empty "
              "string: all of it, as compact JSON. Without it, the whole message as it is." },
    { .key = "seen", .type = TG_OPTION_OBJECT, .object = &seen, .has_no_default_keys = true,
      .example = "\"id\": \"/seq\", \"seen\": { \"by\": \"id\", \"remember\": 50000 }",
      .help = "Lets go of events that came before; without it, none." },
    { .key = "binary_event", .type = TG_OPTION_STRING, AT(tg_config_translate, binary_event),
      .grammar = &tg_grammar_event_name, .default_text = "binary", .example = "\"binary_event\": \"blob\"",
      .help = "The type of events made of binary messages, whose data is base64." },
    { .key = "on_misfit", .type = TG_OPTION_ENUM, AT(tg_config_translate, on_misfit), .words = misfit_actions,
      .default_text = "drop", .example = "\"on_misfit\": \"error_event\"",
      .help = "What becomes of a message that the rules do not fit: `drop` only counts it, `raw` makes its "
              "text the data of an event, `error_event` makes an event that says why. Text that is not UTF-8 leaves a gap event, "
              "unless it makes an error event." },
    { .key = "error_event", .type = TG_OPTION_STRING, AT(tg_config_translate, error_event),
      .grammar = &tg_grammar_event_name, .default_text = "tidegate.error",
      .example = "\"on_misfit\": \"error_event\", \"error_event\": \"feed.error\"",
      .help = "The type of that event; its data is such as `{\"reason\":\"json\"}`." },
};

const struct tg_option_object tg_options_translate = {
    .options = translate_options,
    .option_count = TG_COUNT_OF(translate_options),
    .help = "What becomes of a message. Without it, the message is the data. The rules apply in the order in "
            "which they stand here.",
    .example = "{\n"
               "  \"split\": \"/items\",\n"
               "  \"when\": { \"pointer\": \"/type\", \"one_of\": [ \"trade\", \"quote\" ] },\n"
               "  \"event\": \"{/type}.{/symbol|none}\", \"id\": \"/seq\", \"data\": \"/payload\",\n"
               "  \"seen\": { \"by\": \"id\" }\n"
               "}",
};
