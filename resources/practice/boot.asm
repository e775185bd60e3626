; Waymark's practice machine: a program that boots from its disk without an operating system.
;
; It shows its name, its generation (how often it was started) and a running count on the VGA text
; screen, and appends every count to a log on its disk. At start it reads the whole log and says
; whether it is unbroken. The same lines go to the first serial port. README.md beside this file
; gives every byte it keeps on the disk.
;
; Build: nasm -f bin -o boot.img boot.asm

cpu 386
bits 16
org 0x7c00

SECTOR_BYTES    equ 512
PROGRAM_SECTORS equ 16
HEADER_SECTOR   equ 16
LOG_SECTOR      equ 2048                ; 1 MiB: the first cluster of the log is its own
LOG_SECTORS     equ 32768               ; 16 MiB
RECORD_BYTES    equ 32
RECORDS         equ LOG_SECTORS * SECTOR_BYTES / RECORD_BYTES
CHUNK_SECTORS   equ 64                  ; read at once when the log is checked

HEADER          equ 0x6000              ; one sector
PAGE_BUFFER     equ 0x6200              ; one sector: where the next record goes
CHUNK_SEGMENT   equ 0x2000              ; CHUNK_SECTORS sectors
SCREEN_SEGMENT  equ 0xb800
TICKS           equ 0x046c              ; the BIOS counts 18.2 a second here
SERIAL_PORT     equ 0x3f8

RECORD_MAGIC    equ 'WMR1'
FORMAT_VERSION  equ 1
HASH_START      equ 2166136261          ; FNV-1a, a double word at a time
HASH_PRIME      equ 16777619

ROW             equ 160                 ; bytes of one screen row
PLAIN           equ 0x07
BRIGHT          equ 0x0f
GOOD            equ 0x0a
BAD             equ 0x0c

; --- First sector: bring in the others -----------------------------------------------------------

        jmp 0:begin
begin:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        sti
        cld
        mov [drive], dl
        mov word [packet.count], PROGRAM_SECTORS - 1
        mov word [packet.offset], 0x7c00 + SECTOR_BYTES
        mov word [packet.segment], 0
        mov dword [packet.sector], 1
        mov ah, 0x42
        call disk
        jnc main
        mov si, cannot_load
.print: lodsb
        test al, al
        jz halt
        mov ah, 0x0e
        xor bx, bx
        int 0x10
        jmp .print
halt:   hlt
        jmp halt

; One BIOS extended transfer. AH: 0x42 read, 0x43 write. Carry set: it failed, AH says how.
disk:   mov al, 0
        mov dl, [drive]
        mov si, packet
        int 0x13
        ret

drive:  db 0
        align 4, db 0
packet: db 16, 0
.count: dw 0
.offset: dw 0
.segment: dw 0
.sector: dd 0, 0

cannot_load: db 'WAYMARK PRACTICE MACHINE: its disk cannot be read', 0

        times 510 - ($ - $$) db 0
        dw 0xaa55

; --- The program ---------------------------------------------------------------------------------

main:   mov ax, 0x0003                  ; 80 x 25 text, cleared
        int 0x10
        mov ah, 0x01                    ; no cursor
        mov cx, 0x2000
        int 0x10
        mov si, title
        mov di, 1 * ROW + 4
        mov ah, BRIGHT
        call line
        mov si, about
        mov di, 9 * ROW + 4
        mov ah, PLAIN
        call print
        mov si, about_more
        mov di, 10 * ROW + 4
        call print

        call count_start
        mov si, generation_word
        mov di, 3 * ROW + 4
        mov ah, PLAIN
        call print
        call serial
        mov eax, [generation]
        mov di, 3 * ROW + 30
        call number_line

        mov si, checking_words
        mov di, 6 * ROW + 4
        mov ah, PLAIN
        call print
        call check_log
        mov si, blank
        mov di, 6 * ROW + 4
        mov ah, PLAIN
        call print
        cmp byte [broken], 0
        jne report_broken

        mov si, log_ok
        mov di, 6 * ROW + 4
        mov ah, GOOD
        call print
        call serial
        mov eax, [newest]
        cmp eax, RECORDS                ; after a lap the oldest are overwritten
        jbe .few
        mov eax, RECORDS
.few:   mov di, 6 * ROW + 4 + 2 * 7
        call number
        push di
        call serial_digits
        pop di
        mov si, records_word
        mov ah, GOOD
        call line

        mov si, count_word
        mov di, 4 * ROW + 4
        mov ah, PLAIN
        call print

; Once a tick: one more record, then the new count on the screen.
count:  mov eax, [TICKS]
        cmp eax, [last_tick]
        jne .tick
        hlt
        jmp count
.tick:  mov [last_tick], eax
        call append
        jc .failed
        mov eax, [newest]
        mov di, 4 * ROW + 30
        call number
        jmp count
.failed:
        mov si, write_failed
        mov di, 7 * ROW + 4
        mov ah, BAD
        call print
        jmp count

; A broken log is left as it was found.
report_broken:
        mov si, log_broken
        mov di, 6 * ROW + 4
        mov ah, BAD
        call print
        call serial
        mov eax, [broken_at]
        mov di, 6 * ROW + 4 + 2 * 14
        call number_line
        mov si, left_alone
        mov di, 7 * ROW + 4
        mov ah, BAD
        call print
        jmp halt

; --- The header ----------------------------------------------------------------------------------

; Reads the header, counts this start in it and writes it back. An empty header means: first start.
count_start:
        mov bx, HEADER
        mov eax, HEADER_SECTOR
        call read_sector
        jc disk_failed
        mov di, HEADER
        mov cx, SECTOR_BYTES / 4
        xor eax, eax
        repe scasd
        je .first
        mov di, HEADER
        mov cx, SECTOR_BYTES / 4 - 1
        call hash
        cmp eax, [HEADER + SECTOR_BYTES - 4]
        jne header_broken
        cmp dword [HEADER + 16], FORMAT_VERSION
        jne header_broken
        jmp .count
.first: mov si, header_magic
        mov di, HEADER
        mov cx, 16
        rep movsb
        mov dword [HEADER + 16], FORMAT_VERSION
        mov dword [HEADER + 24], LOG_SECTOR
        mov dword [HEADER + 28], LOG_SECTORS
.count: inc dword [HEADER + 20]
        mov eax, [HEADER + 20]
        mov [generation], eax
        mov di, HEADER
        mov cx, SECTOR_BYTES / 4 - 1
        call hash
        mov [HEADER + SECTOR_BYTES - 4], eax
        mov bx, HEADER
        mov eax, HEADER_SECTOR
        call write_sector
        jc disk_failed
        ret

header_broken:
        mov si, header_words
        jmp fatal
disk_failed:
        mov si, disk_words
fatal:  mov di, 6 * ROW + 4
        mov ah, BAD
        call line
        jmp halt

; --- The log -------------------------------------------------------------------------------------

; Reads every record. Slot 0 begins the newest lap; from the first slot that does not continue it,
; all must be empty (first lap) or continue the lap before. Sets newest, or broken and broken_at.
check_log:
        mov dword [packet.sector], LOG_SECTOR
.chunk: mov word [packet.count], CHUNK_SECTORS
        mov word [packet.offset], 0
        mov word [packet.segment], CHUNK_SEGMENT
        mov ah, 0x42
        call disk
        jc disk_failed
        mov ax, CHUNK_SEGMENT
        mov es, ax
        xor di, di
.record:
        call check_record
        jc .end
        inc dword [slot]
        add di, RECORD_BYTES
        cmp di, CHUNK_SECTORS * SECTOR_BYTES
        jb .record
        add dword [packet.sector], CHUNK_SECTORS
        cmp dword [packet.sector], LOG_SECTOR + LOG_SECTORS
        jb .chunk
.end:   xor ax, ax
        mov es, ax
        ret

; ES:DI: the record of this slot. Carry set: the log is broken here.
check_record:
        cmp byte [tail], 0
        jne .tail
        call continues
        jc .turn
        mov eax, [es:di + 4]
        mov [newest], eax
        mov eax, [es:di + 28]
        mov [newest_hash], eax
.keep:  mov eax, [es:di + 8]
        mov [last_generation], eax
        mov eax, [es:di + 28]
        mov [last_hash], eax
        clc
        ret
; The newest lap ends before this slot. What follows was written a lap earlier, or never.
.turn:  mov byte [tail], 1
        mov eax, [base]
        add eax, [slot]
        inc eax
        mov [broken_at], eax            ; the sequence number that would have come next
        mov dword [last_generation], 0
        sub dword [base], RECORDS
        mov byte [chained], 0
.tail:  cmp dword [base], 0
        jl .empty
        call continues
        jnc .keep
        jmp .broken
.empty: push di
        mov cx, RECORD_BYTES / 4
        xor eax, eax
        repe scasd
        pop di
        clc
        je .done
.broken:
        mov byte [broken], 1
        stc
.done:  ret

; Carry clear: the record at ES:DI is whole and is the one that base and slot ask for.
continues:
        cmp dword [es:di], RECORD_MAGIC
        jne .no
        push di
        mov cx, RECORD_BYTES / 4 - 1
        call hash
        pop di
        cmp eax, [es:di + 28]
        jne .no
        mov eax, [es:di + 4]            ; sequence
        cmp dword [slot], 0
        jne .later
        cmp byte [tail], 0
        jne .later
        dec eax                         ; slot 0 says which lap is the newest
        mov [base], eax
        xor edx, edx
        mov ebx, RECORDS
        div ebx
        test edx, edx
        jnz .no_base
        jmp .generation
.later: mov ebx, [base]
        add ebx, [slot]
        inc ebx
        cmp eax, ebx
        jne .no
        cmp byte [chained], 0
        je .generation
        mov eax, [es:di + 16]           ; checksum of the record before
        cmp eax, [last_hash]
        jne .no
.generation:
        mov eax, [es:di + 8]
        cmp eax, [last_generation]
        jb .no
        cmp eax, [generation]           ; this start has written nothing yet
        jae .no
        mov byte [chained], 1
        clc
        ret
.no_base:
        mov dword [base], 0
.no:    stc
        ret

; Writes the record after the newest. Carry set: it failed and nothing has changed.
append: mov eax, [newest]
        xor edx, edx
        mov ebx, RECORDS
        div ebx                         ; edx: slot
        mov eax, edx
        shr eax, 4
        add eax, LOG_SECTOR
        mov [page], eax
        and dx, 15
        shl dx, 5
        push dx
        mov bx, PAGE_BUFFER             ; its other records stay as they are
        call read_sector
        pop di
        jc .done
        add di, PAGE_BUFFER
        mov dword [di], RECORD_MAGIC
        mov eax, [newest]
        inc eax
        mov [di + 4], eax
        mov eax, [generation]
        mov [di + 8], eax
        mov eax, [last_tick]
        mov [di + 12], eax
        mov eax, [newest_hash]
        mov [di + 16], eax
        xor eax, eax
        mov [di + 20], eax
        mov [di + 24], eax
        push di
        mov cx, RECORD_BYTES / 4 - 1
        call hash
        pop di
        mov [di + 28], eax
        push eax
        mov bx, PAGE_BUFFER
        mov eax, [page]
        call write_sector
        pop eax
        jc .done
        mov [newest_hash], eax
        inc dword [newest]
        clc
.done:  ret

; EAX: sector, BX: buffer.
read_sector:
        mov cl, 0x42
        jmp one_sector
write_sector:
        mov cl, 0x43
one_sector:
        mov [packet.sector], eax
        mov word [packet.count], 1
        mov [packet.offset], bx
        mov word [packet.segment], 0
        mov ah, cl
        jmp disk

; EAX: checksum of CX double words at ES:DI. DI ends behind them.
hash:   mov eax, HASH_START
.next:  xor eax, [es:di]
        imul eax, eax, HASH_PRIME
        add di, 4
        loop .next
        ret

; --- Words on the screen and on the serial port --------------------------------------------------

; SI: text, DI: place on the screen, AH: colour. SI stays; DI ends behind the text.
print:  push si
        push es
        push word SCREEN_SEGMENT
        pop es
.next:  lodsb
        test al, al
        jz .done
        stosw
        jmp .next
.done:  pop es
        pop si
        ret

; Prints and ends the line on the serial port.
line:   call print
        call serial
        jmp serial_end

; EAX: number, DI: place. DI ends behind its digits, which first_digit then points to.
number: push es
        push word SCREEN_SEGMENT
        pop es
        mov si, digits_end
        mov ebx, 10
.digit: xor edx, edx
        div ebx
        add dl, '0'
        dec si
        mov [si], dl
        test eax, eax
        jnz .digit
        mov [first_digit], si
        mov ah, BRIGHT
.next:  lodsb
        test al, al
        jz .done
        stosw
        jmp .next
.done:  pop es
        ret

number_line:
        call number
        call serial_digits
        jmp serial_end

serial_digits:
        mov si, [first_digit]
; SI: text; it stays.
serial: push si
        push ax
.next:  lodsb
        test al, al
        jz .done
        call serial_byte
        jmp .next
.done:  pop ax
        pop si
        ret

serial_end:
        push ax
        mov al, 13
        call serial_byte
        mov al, 10
        call serial_byte
        pop ax
        ret

; AL: byte. Waits a bounded time for room; a machine without a serial port loses it.
serial_byte:
        push cx
        push dx
        mov ah, al
        mov dx, SERIAL_PORT + 5
        mov cx, 0xffff
.wait:  in al, dx
        test al, 0x20
        loopz .wait
        mov al, ah
        mov dx, SERIAL_PORT
        out dx, al
        pop dx
        pop cx
        ret

title:           db 'WAYMARK PRACTICE MACHINE', 0
generation_word: db 'Generation ', 0
count_word:      db 'Count', 0
checking_words:  db 'Checking the log...', 0
blank:           db '                   ', 0
log_ok:          db 'LOG OK ', 0
records_word:    db ' records', 0
log_broken:      db 'LOG BROKEN at ', 0
left_alone:      db 'Nothing more is written, so that the log stays as it was found.', 0
header_words:    db 'HEADER BROKEN: this disk was damaged or mixed', 0
disk_words:      db 'DISK FAILED', 0
write_failed:    db 'The disk refused the last write. Trying again.', 0
about:           db 'Every count is written to the disk with a checksum. At every start', 0
about_more:      db 'the whole log is read again and checked.', 0
header_magic:    db 'WAYMARK-PRACTICE'

        align 4, db 0
generation:      dd 0
newest:          dd 0                   ; sequence number of the newest record
newest_hash:     dd 0                   ; its checksum
last_hash:       dd 0                   ; checksum of the record before this slot
last_generation: dd 0
last_tick:       dd 0
base:            dd 0                   ; sequence number before slot 0 of the lap being read
slot:            dd 0
broken_at:       dd 0
page:            dd 0
first_digit:     dw 0
tail:            db 0                   ; 1: reading behind the newest record
chained:         db 0                   ; 1: the record before this slot was read
broken:          db 0
digits:          times 10 db 0
digits_end:      db 0

        times PROGRAM_SECTORS * SECTOR_BYTES - ($ - $$) db 0
