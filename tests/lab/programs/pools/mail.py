#!/usr/bin/env python3
"""Exim by smtplib, Dovecot by imaplib, OpenLDAP by ldap3.  mail.py PLAY PORT"""
import imaplib, pwd, smtplib, subprocess, sys, time
import servers
from servers import at_once, await_fin, leave_or_wait, wait_for

PLAY, PORT = sys.argv[1], int(sys.argv[2])


def smtp(count=4):
    """A message each; then half take leave, and for the others the server waits no longer: 421."""
    with servers.directory("Debian-exim") as home:
        with open(f"{home}/conf", "w") as file:
            file.write(f"primary_hostname = localhost\nspool_directory = {home}\nlog_file_path = {home}/%slog\n"
                       f"pid_file_path = {home}/pid\nsmtp_receive_timeout = 2s\nqueue_only = true\nacl_smtp_rcpt = take\n"
                       "acl_smtp_data = take\nhost_lookup =\nrfc1413_hosts =\ntls_advertise_hosts =\n"
                       "begin acl\ntake:\n  accept\n"
                       "begin routers\nnone:\n  driver = accept\n  transport = none\n"
                       f"begin transports\nnone:\n  driver = appendfile\n  file = {home}/mail\n")
        command = ["exim4", "-C", f"{home}/conf", "-bdf", "-oX", f"127.0.0.1.{PORT}"]
        with servers.process(*command, port=PORT):
            def one(number):
                client = smtplib.SMTP("127.0.0.1", PORT)
                client.sendmail("a@localhost", ["b@localhost"], "Subject: something\r\n\r\nsomething\r\n")
                if number % 2:
                    time.sleep(0.3)
                    client.quit()
                else:
                    await_fin(client.sock.fileno())
                    client.close()
            at_once(count, one)


def imap(count=4):
    """LOGOUT, a FIN alone, and a server that stops while a client waits for news (IDLE) and another does nothing."""
    with servers.directory() as home:
        owner = pwd.getpwnam("nobody")
        with open(f"{home}/conf", "w") as file:
            file.write(f"protocols = imap\nlisten = 127.0.0.1\nbase_dir = {home}/run\nstate_dir = {home}/state\nlog_path = {home}/log\n"
                       f"ssl = no\ndisable_plaintext_auth = no\nmail_location = maildir:{home}/mail/%u\nfirst_valid_uid = 1\n"
                       f"service imap-login {{\n inet_listener imap {{\n port = {PORT}\n }}\n inet_listener imaps {{\n port = 0\n }}\n}}\n"
                       "passdb {\n driver = static\n args = nopassword=y\n}\n"
                       f"userdb {{\n driver = static\n args = uid={owner.pw_uid} gid={owner.pw_gid} home={home}/mail/%u\n}}\n")
        subprocess.run(["install", "-d", "-o", "nobody", f"{home}/mail"], check=True)
        ready = []
        with servers.process("dovecot", "-F", "-c", f"{home}/conf", port=PORT) as server:
            def one(number):
                client = imaplib.IMAP4("127.0.0.1", PORT)
                client.login(f"user{number}", "x")
                client.select("INBOX")
                time.sleep(0.3)
                if number == 0:
                    client.logout()
                elif number == 1:
                    client.shutdown()
                else:
                    if number == 2:
                        client.send(b"a1 IDLE\r\n")
                        assert client.readline().startswith(b"+")
                    ready.append(number)
                    await_fin(client.sock.fileno())
                    client.shutdown()

            def stop():
                wait_for("those that wait", lambda: len(ready) == 2)
                time.sleep(0.5)
                server.terminate()
            at_once(count + 1, lambda number: stop() if number == count else one(number))


def ldap(count=4):
    """A search each; then half take leave (unbind), and for the others the idle timeout is over."""
    import ldap3
    with servers.directory("openldap") as home:
        with open(f"{home}/conf", "w") as file:
            file.write("include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_null\nidletimeout 2\n"
                       f"pidfile {home}/pid\nargsfile {home}/args\ndatabase null\nsuffix dc=lab\n")
        command = ["slapd", "-f", f"{home}/conf", "-h", f"ldap://127.0.0.1:{PORT}/", "-d", "0"]
        with servers.process(*command, port=PORT):
            def one(number):
                server = ldap3.Server("127.0.0.1", PORT, get_info=ldap3.NONE)
                client = ldap3.Connection(server, auto_bind=True)
                client.search("", "(objectClass=*)", ldap3.BASE)
                leave_or_wait(number, client.socket.fileno())
                client.unbind()
            at_once(count, one)


globals()[PLAY]()
