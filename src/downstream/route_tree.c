/* The tree of paths with parameters: a hash of literal segments in each node. */
#include "route_tree.h"

#include <stdlib.h>
#include <string.h>

bool tg_segment_next(struct tg_str *path, struct tg_str *ret_segment)
{
    if (path->length == 0)
        return false;
    const char *start = path->data + 1, *end = path->data + path->length;
    const char *slash = start < end ? memchr(start, '/', (size_t)(end - start)) : NULL;
    if (!slash)
        slash = end;
    *ret_segment = (struct tg_str){ start, (size_t)(slash - start) };
    *path = (struct tg_str){ slash, (size_t)(end - slash) };
    return true;
}

bool tg_segment_is_parameter(struct tg_str segment, struct tg_str *ret_name)
{
    if (segment.length < 3 || segment.data[0] != '{' || segment.data[segment.length - 1] != '}')
        return false;
    struct tg_str name = { segment.data + 1, segment.length - 2 };
    if (memchr(name.data, '{', name.length) || memchr(name.data, '}', name.length))
        return false;
    *ret_name = name;
    return true;
}

void tg_route_tree_deinit(struct tg_route_node *root)
{
    struct tg_route_node *node, *next;
    HASH_ITER(hh, root->literals, node, next)
    {
        HASH_DEL(root->literals, node);
        tg_route_tree_deinit(node);
        free(node);
    }
    if (root->parameter)
        tg_route_tree_deinit(root->parameter);
    free(root->parameter);
    free(root->segment);
    *root = (struct tg_route_node){ 0 };
}

static struct tg_route_node *find_literal(const struct tg_route_node *node, struct tg_str segment)
{
    struct tg_route_node *found;
    HASH_FIND(hh, node->literals, segment.data, segment.length, found);
    return found;
}

static struct tg_route_node *child_for(struct tg_route_node *node, struct tg_str segment)
{
    struct tg_str name;
    if (tg_segment_is_parameter(segment, &name)) {
        if (!node->parameter)
            node->parameter = tg_alloc(sizeof(*node->parameter));
        return node->parameter;
    }
    struct tg_route_node *child = find_literal(node, segment);
    if (!child) {
        child = tg_alloc(sizeof(*child));
        child->segment = tg_strndup(segment.data, segment.length);
        HASH_ADD_KEYPTR(hh, node->literals, child->segment, segment.length, child);
    }
    return child;
}

bool tg_route_tree_add(struct tg_route_node *root, const char *path, void *value)
{
    struct tg_str rest = tg_str_from(path), segment;
    while (tg_segment_next(&rest, &segment))
        root = child_for(root, segment);
    if (root->value)
        return false;
    root->value = value;
    return true;
}

static size_t decoded_length(struct tg_str raw)
{
    size_t length = raw.length;
    for (size_t i = 0; i < raw.length; i++)
        length -= raw.data[i] == '%' ? 2 : 0;
    return length;
}

void *tg_route_tree_find(const struct tg_route_node *root, struct tg_str raw, struct tg_str path,
                         struct tg_str *ret_values)
{
    struct tg_str segment;
    if (!tg_segment_next(&raw, &segment))
        return root->value;
    segment = (struct tg_str){ path.data + 1, decoded_length(segment) };
    path = (struct tg_str){ segment.data + segment.length, path.length - segment.length - 1 };

    struct tg_route_node *literal = find_literal(root, segment);
    void *value = literal ? tg_route_tree_find(literal, raw, path, ret_values) : NULL;
    if (value || !root->parameter || segment.length == 0)
        return value;
    /* Only a way that ends at a value leaves its values behind. */
    value = tg_route_tree_find(root->parameter, raw, path, ret_values + 1);
    if (value)
        *ret_values = segment;
    return value;
}
