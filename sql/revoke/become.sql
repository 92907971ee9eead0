-- Makes the session another role, of which its own is a member.
SET ROLE :"role"
