"""The laboratory: a page on this machine where a network trains before one's eyes.

experiment   the whole state of a screen as one value, to and from a link
toys tables  data: drawn by counting, or someone's own
question     the data of an experiment, as an estimator takes them
training     the ordinary estimator's training, made ready
steps        where it stands, and how it goes on
session      a training that is played, paused, stepped, rewound
frames equations units starts tutor takeaway    what a page asks for
trouble drawing   what is wrong in a line; the frames of a page, one after another
formulas     a learner's functions, computed from their text
stories      lessons
messages     what a page asks, and its session's answers
process      where all of these happen: one for each page
page_socket  between a page's socket and its process
guard        who may ask
app server   the routes, and whoever serves them
"""

from shoal.lab.takeaway import lecture, repeat

__all__ = ["lecture", "repeat"]
