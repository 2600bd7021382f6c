import random, subprocess, struct
random.seed(7)
S=[]
def add(*xs): S.extend(xs)
for m in "and bic orr orn eor add adc sub sbc rsb".split():
    add(f"{m}s.w r0, r1, r2")
    add(f"{m}s.w r0, r1, r2, lsl #{random.randint(1,31)}", f"{m}s.w r0, r1, r2, lsr #{random.choice([1,13,32])}")
    add(f"{m}s.w r0, r1, r2, asr #{random.choice([1,7,32])}", f"{m}s.w r0, r1, r2, ror #{random.randint(1,31)}", f"{m}s.w r0, r1, r2, rrx")
    for i in ["#0","#0xff","#0xff00ff","#0xff00ff00","#0xffffffff" if m not in("add","sub","and","bic","orr","orn","adc","sbc") else "#0xa5a5a5a5","#0x80000000","#0x3fc00","#0x1fe"]:
        add(f"{m}s.w r0, r1, {i}")
    add(f"{m} r0, r1, r2, ror #3" )
for m in "adds subs".split(): add(f"{m} r0, r1, r2", f"{m} r0, r1, #7", f"{m} r0, #200")
add("ands r0, r1","eors r0, r1","lsls r0, r1","lsrs r0, r1","asrs r0, r1","adcs r0, r1","sbcs r0, r1","rors r0, r1","tst r0, r1","rsbs r0, r1, #0","cmp r0, r1","cmn r0, r1","orrs r0, r1","muls r0, r1, r0","bics r0, r1","mvns r0, r1")
add("add r0, r8","mov r0, r8","mov r8, r1\nmov r2, r8","movs r0, r1","addw r0, r1, #4095","subw r0, r1, #4095","movw r0, #0xbeef","movt r0, #0xdead")
for k in (1,31): add(f"lsls r0, r1, #{k}")
for k in (1,31,32): add(f"lsrs r0, r1, #{k}", f"asrs r0, r1, #{k}")
add("rors.w r0, r1, #5","rrxs r0, r1","mvns.w r0, r1, lsr #32","movs.w r0, #0x80000000","mvns.w r0, #0x100","movs r0, #0")
for m in "lsl lsr asr ror".split():
    add(f"{m}s.w r0, r1, r2")
    for k in (0,1,31,32,33,64,255,256,287): add(f"movw r2, #{k}\n{m}s.w r0, r1, r2")
add("tst.w r0, r1, asr #31","teq r0, r1","teq r0, #0x40000000","tst.w r0, #0x80000000","cmp.w r0, r1, lsl #4","cmn.w r0, #1","cmp.w r0, #0xff00")
add("mul r0, r1, r2","mla r0, r1, r2, r3","mls r0, r1, r2, r3","umull r0, r1, r2, r3","smull r0, r1, r2, r3","umlal r0, r1, r2, r3","smlal r0, r1, r2, r3","umaal r0, r1, r2, r3","udiv r0, r1, r2","sdiv r0, r1, r2","movs r2, #0\nudiv r0, r1, r2","movs r2, #0\nsdiv r0, r1, r2","mov.w r1, #0x80000000\nmvn r2, #0\nsdiv r0, r1, r2")
add("clz r0, r1","movs r1, #0\nclz r0, r1","rbit r0, r1","rev r0, r1","rev16 r0, r1","revsh r0, r1","rev.w r0, r1","rev16.w r0, r1","revsh.w r0, r1")
for m in "sxtb sxth uxtb uxth".split(): add(f"{m} r0, r1", f"{m}.w r0, r1, ror #8", f"{m}.w r0, r1, ror #24")
for m in "sxtab sxtah uxtab uxtah".split(): add(f"{m} r0, r1, r2", f"{m} r0, r1, r2, ror #16")
add("ubfx r0, r1, #0, #32","ubfx r0, r1, #7, #9","ubfx r0, r1, #31, #1","sbfx r0, r1, #0, #32","sbfx r0, r1, #7, #9","sbfx r0, r1, #31, #1","bfi r0, r1, #0, #32","bfi r0, r1, #5, #11","bfi r0, r1, #31, #1","bfc r0, #0, #32","bfc r0, #9, #3")
add("ssat r0, #1, r1","ssat r0, #32, r1","ssat r0, #8, r1, asr #20","ssat r0, #16, r1, lsl #3","usat r0, #0, r1","usat r0, #31, r1","usat r0, #8, r1, asr #20","usat r0, #16, r1, lsl #3")
for c in "eq ne cs cc mi pl vs vc hi ls ge lt gt le".split(): add(f"it {c}\nmov{c} r0, r1")
add("cmp r0, r1\nitete lt\nmovlt r0, r1\naddge r0, r0, r2\nsublt r3, r1, r2\nmulge r3, r1, r2")
add("itt cs\ncmpcs r0, r1\nmovcs r0, #1","ite eq\nlsleq.w r0, r1, r2\nasrne.w r0, r1, r2","itt ne\naddne r0, #1\nmovsne.w r0, r1, lsl #3")
add("adds r0, r2\nadcs r1, r3","subs r0, r2\nsbcs r1, r3","cmp r0, r2\nsbcs r1, r3","lsls r0, r1, #1\nadcs r2, r3","rsbs r0, r0, #0\nsbc.w r1, r1, r1, lsl #1")
# memory: r8 = scratch of 32 bytes holding r0-r3 twice
P="stm.w r8, {r0, r1, r2, r3}\nadd.w r9, r8, #16\nstm.w r9, {r0, r1, r2, r3}\n"
edge=[0,1,2,31,32,33,0x7f,0x80,0xff,0x8000,0xffff,0x7fffffff,0x80000000,0x80000001,0xffffffff,0xfffffffe]
def w(): return random.choice(edge) if random.random()<.5 else random.getrandbits(32)
asm=[".syntax unified",".cpu cortex-m4",".thumb",".text","vectors: .word 0x20010000","start_v: .word start+1",".zero 56",
"start:","ldr r6,=inputs","ldr r7,=0x20020000"]
runs=[]
for i,s in enumerate(S):
    for k in range(5):
        r=[w() for _ in range(4)]; f=random.getrandbits(4)<<28; runs.append((i,r,f))
        asm += ["ldmia r6!, {r0,r1,r2,r3,r4}","msr apsr_nzcvq, r4","mov.w r8, r3"]
        if k==0: asm.append(f"s{i}:")
        asm += s.split("\n")
        if k==0: asm.append(f"e{i}:")
        asm += ["mrs r5, apsr","stmia r7!, {r0,r1,r2,r3,r5}"]
        if len(runs)%30==0: asm += [f"b.w p{len(runs)}",".ltorg",f"p{len(runs)}:"]
n=len(runs)
asm += ["movs r0,#1","ldr r1,=openb","bkpt 0xab","ldr r1,=wb","str r0,[r1]","ldr r2,=0x20040000","ldr r3,[r1]","str r3,[r2]","ldr r3,=0x20020000","str r3,[r2,#4]",f"ldr r3,={n*20}","str r3,[r2,#8]","movs r0,#5","mov r1,r2","bkpt 0xab","movs r0,#0x18","ldr r1,=0x20026","bkpt 0xab","b .",".ltorg",".align 2","openb: .word name, 4, 3",'name: .asciz ":tt"',".align 2","wb = 0x20040010","inputs:"]
for i,r,f in runs: asm.append(".word "+",".join(hex(x) for x in r+[f]))
open("q.s","w").write("\n".join(asm)+"\n")
subprocess.check_call(["arm-none-eabi-as","-o","q.o","q.s"])
subprocess.check_call(["arm-none-eabi-ld","-Ttext","0","-o","q.elf","q.o"])
subprocess.check_call(["arm-none-eabi-objcopy","-O","binary","q.elf","q.bin"])
img=open("q.bin","rb").read()
sym={l.split()[-1]:int(l.split()[0],16)&~1 for l in subprocess.check_output(["arm-none-eabi-nm","q.elf"],text=True).splitlines() if len(l.split())==3}
out=subprocess.run(["qemu-system-arm","-M","mps2-an386","-nographic","-semihosting-config","enable=on,target=native","-kernel","q.elf"],stdout=subprocess.PIPE,stdin=subprocess.DEVNULL,timeout=60).stdout
print(len(out), n*20)
out=out[-n*20:]
with open("arm_qemu.txt","w") as fh:
    fh.write("# Generated by arm_qemu.py with QEMU (mps2-an386, Cortex-M4): one snippet per `=` line, then runs of it.\n")
    fh.write("# Run: r0 r1 r2 r3 nzcv before; the same after. r8 holds r3 at the start. Hexadecimal.\n")
    last=-1
    for k,(i,r,f) in enumerate(runs):
        if i!=last:
            fh.write("= "+img[sym[f"s{i}"]:sym[f"e{i}"]].hex()+" "+S[i].replace("\n","; ")+"\n"); last=i
        o=struct.unpack("<5I",out[k*20:k*20+20])
        fh.write(" ".join(f"{x:x}" for x in r+[f>>28]+list(o[:4])+[o[4]>>28])+"\n")
