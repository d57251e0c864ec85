/* Answers CPUID as a processor without AVX-512, VNNI and AMX would.
 *
 * Loaded beside a library whose CPUID instructions, two bytes each, are INT3 and NOP instead (see avx2.py): a program may not
 * be kept from asking its processor, but a trap it can be given. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <ucontext.h>

#define BIT(n) (1u << (n))

int answered; /* how many times: whoever doubts that a library was held can look */

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned leaf = (unsigned)registers[REG_RAX], sub = (unsigned)registers[REG_RCX], a, b, c, d;
    (void)number, (void)info;
    __cpuid_count(leaf, sub, a, b, c, d);
    if (leaf == 7 && sub == 0) {
        b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31)); /* AVX512 F DQ IFMA PF ER CD BW VL */
        c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14)); /* AVX512 VBMI VBMI2 VNNI BITALG VPOPCNTDQ */
        d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25)); /* AVX512 4VNNIW 4FMAPS VP2INTERSECT, AMX, FP16 */
    } else if (leaf == 7) {
        a = b = c = d = 0; /* AVX-VNNI and what came after it */
    }
    registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
    registers[REG_RIP] += 1; /* the NOP */
    answered += 1;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGTRAP, &action, 0);
}
