// Products of matrices, which oneDNN does near the processor's peak whatever the sizes.
#include "internal.h"

static int matrices(dnnl_memory_desc_t *descriptor, const graft_product *p, int64_t rows, int64_t columns, int64_t stride, graft_type type,
                    int transposed) {
    dnnl_dims_t extents = {p->count, rows, columns};
    dnnl_dims_t strides = {stride, transposed ? 1 : columns, transposed ? rows : 1};
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_memory_desc_create_with_strides(descriptor, 3, extents, graft_data_type(type), strides);
#else
    return (int)dnnl_memory_desc_init_by_strides(descriptor, 3, extents, graft_data_type(type), strides);
#endif
}

/// A bias: one row for all products.
static int row(dnnl_memory_desc_t *descriptor, int64_t columns) {
    dnnl_dims_t extents = {1, 1, columns};
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_memory_desc_create_with_tag(descriptor, 3, extents, dnnl_f32, dnnl_abc);
#else
    return (int)dnnl_memory_desc_init_by_tag(descriptor, 3, extents, dnnl_f32, dnnl_abc);
#endif
}

static int product_attributes(dnnl_primitive_attr_t *attributes, int adds) {
    GRAFT_TRY(graft_attributes(attributes));
    if (!adds) return dnnl_success;
    dnnl_post_ops_t chain;
    GRAFT_TRY(dnnl_post_ops_create(&chain));
#if DNNL_VERSION_MAJOR >= 3
    int status = (int)dnnl_post_ops_append_sum(chain, 1, 0, dnnl_f32);
#else
    int status = (int)dnnl_post_ops_append_sum(chain, 1);
#endif
    if (status == dnnl_success) status = (int)dnnl_primitive_attr_set_post_ops(*attributes, chain);
    dnnl_post_ops_destroy(chain);
    return status;
}

int graft_product_create(graft_engine *engine, const graft_product *p, graft_kernel **kernel) {
    dnnl_memory_desc_t left, right, result, bias;
    GRAFT_TRY(matrices(&left, p, p->rows, p->inner, p->left_stride, p->type, p->left_is_transposed));
    GRAFT_TRY(matrices(&right, p, p->inner, p->columns, p->right_stride, p->type, p->right_is_transposed));
    GRAFT_TRY(matrices(&result, p, p->rows, p->columns, p->result_stride, graft_float32, 0));
    GRAFT_TRY(row(&bias, p->columns));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(product_attributes(&attributes, p->adds));
    dnnl_primitive_desc_t descriptor;
#if DNNL_VERSION_MAJOR >= 3
    int status = (int)dnnl_matmul_primitive_desc_create(&descriptor, engine->engine, left, right, p->has_bias ? bias : NULL, result, attributes);
#else
    dnnl_matmul_desc_t operation;
    int status = (int)dnnl_matmul_desc_init(&operation, &left, &right, p->has_bias ? &bias : NULL, &result);
    if (status == dnnl_success) status = (int)dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine->engine, NULL);
#endif
    dnnl_primitive_attr_destroy(attributes);
    GRAFT_DROP(left);
    GRAFT_DROP(right);
    GRAFT_DROP(result);
    GRAFT_DROP(bias);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_left, graft_right, graft_result, graft_bias};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS};
    return graft_kernel_create(engine, descriptor, roles, arguments, p->has_bias ? 4 : 3, kernel);
}
