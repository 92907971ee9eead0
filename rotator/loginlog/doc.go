// Package loginlog tells what one CloudWatch event of a PostgreSQL log shows: a genuine login, the end of a session, a sign
// of life, a refused attempt, what the server says of itself, or that it cannot be read. It reads the log of PostgreSQL 14 to
// 18 under the two prefixes that Amazon RDS allows, "%t:%r:%u@%d:[%p]:" and "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a", plain
// or verbose, in the languages of PostgreSQL's message catalogues, and does no I/O.
//
// Names are the difficulty. PostgreSQL writes the names that a client sends into the prefix before it knows the
// client, raw, also with colons, newlines or the text of a whole entry in them; and whoever is logged in can write any
// message (RAISE LOG). So a login or a disconnection counts only where the prefix and the message name the same user and
// database, the message ends as PostgreSQL ends it, and no other reading of the prefix is possible for names of the length
// that PostgreSQL allows.
//
// A sign of life names its client in the prefix alone. Whoever has no credentials cannot write one: his names are 63 bytes
// each at most, so that the mark ":[pid]:SEVERITY" which the server sets behind them stands within 63+1+63 bytes, and with
// another one before it, inside the names, the entry has two marks and counts as tampering. With one mark its severity is
// the server's, and it is one of those, and its text none of those, that the code around authentication writes: auth.c,
// auth-sasl.c, auth-scram.c, auth-oauth.c (18), hba.c, be-secure*.c, pqcomm.c, backend_startup.c (17; postmaster.c before),
// postinit.c and miscinit.c. An ERROR there ends the process and is logged as FATAL (elog.c, errstart); a STATEMENT needs a
// statement. What these files write besides FATAL is in messages.txt as attempt or ambiguous.
//
// PostgreSQL cuts the names once it has read the whole startup packet. What refuses the packet itself it writes with names as
// long as the packet is, room enough for any entry and a mark behind it; such an entry is known by the refusal that it ends in.
//
// Where a publisher cuts events at newlines all this fails for short entries: a name with a newline ends one event and
// begins another, with 126 bytes of the stranger's own. Such an event is Forgeable, be it a Login, a Sign or Unread; the rest
// of the entry that it was part of is an event of its own, and Tampering.
package loginlog
