"""`carebell doctor`: every server of a city is asked, and what is wrong is said in words, with how to mend it."""
