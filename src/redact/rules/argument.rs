//! Secrets in the arguments of commands.
//!
//! **Reads** nothing.
//! **Gives** [`RULES`].
//! **Never** follows a command across `|`, `;` or `&`.

use super::BuiltIn;
use super::Doubt;
use super::Place;
use super::rule;

pub(super) const RULES: &[BuiltIn] = &[
    rule(
        "piped-password",
        "what `echo` feeds to `chpasswd`, `passwd --stdin`, `cryptsetup`, `kinit` or a login",
        &["chpasswd", "-stdin", "cryptsetup", "kinit", "smbpasswd"],
        r#"\b(?:echo|printf)[ \t]{1,4}(?:-[a-zA-Z]{1,3}[ \t]{1,4}){0,2}(?:['"]?%s(?:\\n)?['"]?[ \t]{1,4})?(?P<secret>[^|;&\n]{1,256}?)[ \t]{0,8}\|[ \t]{0,8}(?:sudo[ \t]{1,8}(?:-[a-zA-Z]{1,4}[ \t]{1,8}){0,3})?(?:/[a-z/]{1,24}/)?(?:chpasswd\b|passwd[ \t]{1,8}(?:-[a-z-]{1,12}[ \t]{1,8})?--stdin|[a-z-]{1,16}[ \t][^|;&\n]{0,100}--password-stdin|cryptsetup\b|kinit\b|smbpasswd\b)"#,
    ),
    rule(
        "sudo-password",
        "what `echo` feeds to `sudo -S`",
        &["sudo -", "sudo  ", "sudo\t"],
        r#"\becho[ \t]{1,4}(?:-[a-zA-Z]{1,3}[ \t]{1,4}){0,2}(?P<secret>[\t -%'-:<-{}~]{1,256}?)[ \t]{0,8}\|[ \t]{0,8}sudo[ \t]{1,8}(?:-[a-zA-Z]{1,4}[ \t]{1,8}){0,3}-[a-zA-Z]{0,3}S"#,
    ),
    rule(
        "chpasswd-input",
        "what `chpasswd` reads from a here string or a here document",
        &["chpasswd"],
        r#"\bchpasswd\b[^\n;|&<]{0,60}<<(?:<[ \t]{0,4}['"]?[^\s:'"]{1,64}:(?P<secret>[^'"\n]+)|-?[ \t]{0,4}['"]?[A-Za-z_]{1,32}['"]?\n(?P<secret2>[^\n]{1,256}(?:\n[^\s:]{1,64}:[^\n]{1,256})*))"#,
    ),
    rule(
        "user-password",
        "`curl -u user:password` and the like",
        &["curl", "wget", "xh ", "aria2c", "lftp", "http -", "https -", "http get", "https get", "http p", "https p"],
        r#"\b(?:curl|wget2?|https?|xh|aria2c|lftp)\b{{words}}[ \t](?:-[a-zA-Z]{0,8}[uUa]|--user|--proxy-user|--auth)(?:=|[ \t]{0,8})(?:'[ -~&&[^':]]{0,128}:(?P<secret>[^'\n]+)|"[ -~&&[^":]]{0,128}:(?P<secret2>[^"\n]+)|[!-~&&[^:'"/-]][!-~&&[^:'"/]]{0,128}:(?P<secret3>[^\s'"/][^\s'"]*))|\blftp\b{{words}}[ \t]-u[ \t]{0,8}['"]?[!-~&&[^,'":/]]{1,128},(?P<secret4>[^\s'"]+)"#,
    )
    .doubting(Doubt::Word),
    rule(
        "mysql-password",
        "`-pPASSWORD` of the clients of MySQL and MariaDB",
        &["mysql ", "mysql\t", "mysqldump", "mysqla", "mysqli", "mysqls", "mysqlc", "mysqlp", "mysqlbin", "mysql_up", "mariadb ", "mariadb\t", "mariadb-", "mycli", "mytop", "innobackupex"],
        r"\b(?:mysql(?:dump|admin|import|show|check|slap|pump|sh|binlog|_upgrade)?|mariadb(?:-[a-z]{2,12})?|mycli|mytop|innobackupex)[ \t](?:{{words}}[ \t])?-p{{word}}",
    )
    .doubting(Doubt::Word),
    rule(
        "password-flag",
        "`-p PASSWORD` and the like of `sshpass`, `docker login`, `redis-cli`, `ldapsearch`, `zip`, `mongosh`, `ipmitool`, `useradd` and others",
        &["sshpass", "login -", "docker login", "podman login", "buildah login", "skopeo login", "nerdctl login", "registry login", "oc login", "az login", "argocd login", "crane auth", "oras login", "redis-cli", "redis-bench", "valkey-cli", "keydb-cli", "ldapsearch", "ldapmod", "ldapadd", "ldapdelete", "ldappasswd", "ldapwhoami", "ldapcompare", "ldapexop", "zip ", "zip\t", "zipcloak", "zipinfo", "mongo ", "mongo\t", "mongosh", "mongodump", "mongore", "mongoex", "mongoim", "mongost", "mongotop", "ipmitool", "useradd ", "useradd\t", "usermod ", "usermod\t", "sqlcmd", "isql", "bcp ", "bcp\t", "snmpb", "snmpde", "snmpdf", "snmpg", "snmpi", "snmpn", "snmps", "snmpt", "snmpu", "snmpw", "7z ", "7z\t", "7za", "7zr", "7zz", "cqlsh", "xfreerdp"],
        r"\b(?:sshpass(?:{{words}}[ \t])?-p[ \t]{0,8}|(?:docker|podman|buildah|skopeo|helm|nerdctl|oc|az|argocd|vault|crane|oras)[ \t]{{words}}\blogin\b{{words}}[ \t]-p[ \t]{1,8}|(?:redis-cli|valkey-cli|keydb-cli|redis-benchmark)[ \t](?:{{words}}[ \t])?(?:-a[ \t]{1,8}|(?i:auth)[ \t]{1,8})|ldap(?:search|modify|add|delete|passwd|whoami|compare|modrdn|exop)[ \t](?:{{words}}[ \t])?-w[ \t]{0,8}|ldappasswd[ \t](?:{{words}}[ \t])?-[as][ \t]{1,8}|(?:zip|unzip|zipcloak|zipinfo)[ \t](?:{{words}}[ \t])?-P[ \t]{1,8}|7z[arz]?[ \t](?:{{words}}[ \t])?-p|mongo(?:sh|dump|restore|export|import|stat|top)?[ \t](?:{{words}}[ \t])?-p[ \t]{1,8}|(?:ipmitool|sqlcmd|bcp|isql)[ \t](?:{{words}}[ \t])?-P[ \t]{0,8}|user(?:add|mod)[ \t](?:{{words}}[ \t])?-p[ \t]{1,8}|snmp(?:[bginstuw][a-z]{1,11}|d[ef][a-z]{0,10})[ \t](?:{{words}}[ \t])?-[AXc][ \t]{1,8}|cqlsh[ \t](?:{{words}}[ \t])?-p[ \t]{1,8}|xfreerdp[0-9]?[ \t](?:{{words}}[ \t])?/p:){{word}}",
    )
    .doubting(Doubt::Word),
    rule(
        "samba-password",
        "`-U user%password` of the clients of Samba",
        &["smb", "rpcclient", "net -", "net ads", "net rpc", "net join", "net user", "wmic", "winexe"],
        r#"\b(?:smb[a-z]{2,12}|rpcclient|net|wmic|winexe)[ \t](?:{{words}}[ \t])?(?:-U|--user=?)[ \t]{0,8}(?:'[ -~&&[^'%]]{1,128}%(?P<secret>[^'\n]+)|"[ -~&&[^"%]]{1,128}%(?P<secret2>[^"\n]+)|[!-~&&[^%'"]]{1,128}%(?P<secret3>[^\s'"]+))"#,
    )
    .doubting(Doubt::Word),
    rule(
        "openssl-pass",
        "`-passin pass:PASSWORD` of `openssl`",
        &["pass:"],
        r#"-pass(?:in|out)?(?:=|[ \t]{1,8})(?:'pass:(?P<secret3>[^'\n]+)|"pass:(?P<secret4>[^"\n]+)|pass:{{word}})"#,
    )
    .doubting(Doubt::Word),
    rule(
        "htpasswd-argument",
        "`htpasswd -b file user PASSWORD`",
        &["htpasswd"],
        r"\bhtpasswd[ \t]{1,8}(?:-[A-Za-z0-9]{1,8}[ \t]{1,8}){0,6}?-[A-Za-z]{0,8}b[A-Za-z]{0,8}(?:[ \t]{1,8}-[A-Za-z0-9]{1,8}(?:[ \t]{1,8}[0-9]{1,3})?){0,6}(?:[ \t]{1,8}[!-~&&[^|;&<>-]][!-~&&[^|;&<>]]{0,200}){1,2}[ \t]{1,8}{{word}}",
    )
    .doubting(Doubt::Word),
    rule(
        "password-command",
        "`rabbitmqctl add_user`, `smbpasswd`, `mysqladmin password`, `kadmin cpw -pw` and the like",
        &["add_user", "change_password", "authenticate_user", "mysqladmin", "-pw", "aws_secret_access_key", "aws_session_token", "set_user_password", "set-password"],
        r"\b(?:rabbitmqctl[ \t](?:{{words}}[ \t])?(?:add_user|change_password|authenticate_user)[ \t]{1,8}[^\s|;&]{1,128}[ \t]{1,8}|mysqladmin[ \t](?:{{words}}[ \t])?password[ \t]{1,8}|(?:addprinc|cpw|change_password|add_principal)[ \t]{{words}}-pw[ \t]{1,8}|(?:plink|pscp|psftp)[ \t](?:{{words}}[ \t])?-pw[ \t]{1,8}|configure[ \t]{1,8}set[ \t]{1,8}(?:[a-z0-9._-]{1,64}[.])?aws_(?:secret_access_key|session_token)[ \t]{1,8}){{word}}",
    )
    .doubting(Doubt::Word),
    rule(
        "option",
        "`--password X`, `--token=X`, `--api-key X` and every option that ends in such a word",
        &["pass", "pwd", "psk", "secret", "token", "key", "bindpw"],
        r#"(?i)(?:^|[\s'"(\[=,])--?(?:{{alnum}}{1,24}[-_]){0,4}{{alnum}}{0,12}(?:password|passwd|passphrase|passcode|bindpw|(?:^|\b|-|_)(?:pass|pwd|psk)|(?:store|key|new)pass|secret|token|(?:api|access|secret|auth|encryption|master|account|shared|signing|license)[-_]?key)(?:=|["']?,?[ \t]{1,8}){{word}}"#,
    )
    .within(Place::Option)
    .doubting(Doubt::Prose),
];
