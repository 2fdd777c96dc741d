// Which instructions oneDNN's generated code uses. Its levels are sets of bits, of which later ones hold the earlier.
#include "internal.h"

int graft_limit_isa(graft_isa most) {
    switch (most) {
    case graft_isa_sse41: return (int)dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    case graft_isa_avx2: return (int)dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    case graft_isa_avx512: return (int)dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
    }
    return dnnl_invalid_arguments;
}

static int offers(dnnl_cpu_isa_t isa) { return (dnnl_get_effective_cpu_isa() & isa) == isa; }

int graft_multiplies_bfloat16(void) { return offers(dnnl_cpu_isa_avx512_core_bf16); }

int graft_multiplies_bytes(void) { return offers(dnnl_cpu_isa_avx512_core_vnni) || offers(dnnl_cpu_isa_avx2_vnni); }

const char *graft_isa_name(void) {
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {
        {dnnl_cpu_isa_avx512_core_amx, "amx"}, {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
        {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"}, {dnnl_cpu_isa_avx512_core, "avx512_core"},
        {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"}, {dnnl_cpu_isa_avx2, "avx2"}, {dnnl_cpu_isa_avx, "avx"}, {dnnl_cpu_isa_sse41, "sse41"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (offers(names[i].isa)) return names[i].name;
    return "plain";
}
