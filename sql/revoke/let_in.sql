-- Lets a user log in that was locked.
ALTER ROLE :"user" LOGIN VALID UNTIL $1
